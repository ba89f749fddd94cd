/**
 * The same configuration and the same requests through a real Envoy and through enmesh: destination, rewritten request,
 * status, headers, body and attempts are alike but for what `differential/differences.ts` lists with a reason.
 *
 * `ENMESH_DIFFERENTIAL=text` runs only the cases whose name holds that text.
 */
import assert from "node:assert/strict";
import type { DifferentialCase } from "./differential/case.ts";
import { CASES } from "./differential/cases/all.ts";
import { compareCase, describeDifference } from "./differential/compare.ts";
import { ACCEPTED_DIFFERENCES, type AcceptedDifference } from "./differential/differences.ts";
import { generatedCases } from "./differential/generate/all.ts";
import { runCases } from "./differential/run.ts";

const SEED = Number(Deno.env.get("ENMESH_SEED") ?? 20_260);
const only = Deno.env.get("ENMESH_DIFFERENTIAL");

function wanted(cases: readonly DifferentialCase[]): DifferentialCase[] {
  return cases.filter(({ name }) => only === undefined || name.includes(only));
}

const met = new Set<AcceptedDifference>();

async function check(t: Deno.TestContext, cases: readonly DifferentialCase[]): Promise<void> {
  const results = await runCases(cases);
  for (const result of results) {
    await t.step(result.case.name, () => {
      const { unexpected, accepted } = compareCase(result);
      for (const rule of accepted) met.add(rule);
      if (unexpected.length === 0) return;
      const error = new Error(`Envoy and enmesh differ:\n${unexpected.map(describeDifference).join("\n")}`);
      // The place in the harness says nothing.
      delete error.stack;
      throw error;
    });
  }
}

const handWritten = wanted(CASES);
Deno.test({
  name: "hand-written cases have the outcome they have in Envoy",
  ignore: handWritten.length === 0,
  fn: (t) => check(t, handWritten),
});

const generated = wanted(generatedCases(SEED));
Deno.test({
  name: `generated cases (seed ${SEED}) have the outcome they have in Envoy`,
  ignore: generated.length === 0,
  fn: async (t) => {
    console.log(`${generated.length} cases of ENMESH_SEED=${SEED}`);
    await check(t, generated);
  },
});

Deno.test({
  name: "every accepted difference is still met",
  ignore: only !== undefined,
  fn: () => {
    const unmet = ACCEPTED_DIFFERENCES.filter((rule) => !met.has(rule));
    assert.deepEqual(unmet.map(({ reason }) => reason), [], "take these out of differences.ts");
  },
});
