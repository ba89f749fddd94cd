/**
 * The Proxy-Wasm interface rule by rule: the same module and the same requests through the Wasm filter of a real Envoy
 * and through enmesh. What is on the wire is compared byte by byte, and what modules log of their callbacks line by line;
 * differences that are meant stand with their reasons in `wasm_conformance/differences.ts`.
 *
 * `ENMESH_RULE=text` runs only the rules whose name holds that text, and prints their traces.
 */
import assert from "node:assert/strict";
import type { AcceptedDifference } from "./differential/differences.ts";
import { describeDifference } from "./differential/compare.ts";
import { compareRule } from "./wasm_conformance/compare_rule.ts";
import { ACCEPTED_WASM_DIFFERENCES } from "./wasm_conformance/differences.ts";
import { RULES } from "./wasm_conformance/rules/all.ts";
import { runRules } from "./wasm_conformance/run_rules.ts";

const only = Deno.env.get("ENMESH_RULE");
const wanted = RULES.filter(({ name }) => only === undefined || name.includes(only));
const met = new Set<AcceptedDifference>();

Deno.test("the rules of the Proxy-Wasm interface hold in enmesh as in Envoy", async (t) => {
  const results = await runRules(wanted);
  for (const result of results) {
    await t.step(result.case.name, () => {
      if (only !== undefined) console.log(JSON.stringify(result.traces, null, 2));
      const { unexpected, accepted } = compareRule(result);
      for (const rule of accepted) met.add(rule);
      if (unexpected.length === 0) return;
      const error = new Error(`Envoy and enmesh differ:\n${unexpected.map(describeDifference).join("\n")}`);
      // The place in the harness says nothing.
      delete error.stack;
      throw error;
    });
  }
});

Deno.test({
  name: "every accepted difference is still met",
  ignore: only !== undefined,
  fn: () => {
    const unmet = ACCEPTED_WASM_DIFFERENCES.filter((rule) => !met.has(rule));
    assert.deepEqual(unmet.map(({ reason }) => reason), [], "take these out of wasm_conformance/differences.ts");
  },
});
