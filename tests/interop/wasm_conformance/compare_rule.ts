import { compareCase } from "../differential/compare.ts";
import { ACCEPTED_DIFFERENCES, type AcceptedDifference, type Difference } from "../differential/differences.ts";
import { ACCEPTED_WASM_DIFFERENCES } from "./differences.ts";
import type { RuleResult } from "./run_rules.ts";

/** Compares both sides of a rule: the wire as every differential case, and the trace line by line. */
export function compareRule(result: RuleResult): {
  readonly unexpected: readonly Difference[];
  readonly accepted: ReadonlySet<AcceptedDifference>;
} {
  const wire = compareCase(result, [...ACCEPTED_WASM_DIFFERENCES, ...ACCEPTED_DIFFERENCES]);
  const unexpected = [...wire.unexpected];
  const accepted = new Set(wire.accepted);
  if (result.envoy === null || result.enmesh === null) return { unexpected, accepted };
  const { envoy, enmesh } = result.traces;
  const { name } = result.case;
  const [one, other] = [result.envoy, result.enmesh].map((it) => it[0]?.[0]);
  for (let at = 0; at < Math.max(envoy.length, enmesh.length); at++) {
    const difference = { name, field: "trace", envoy: neutral(envoy[at]), enmesh: neutral(enmesh[at]) };
    if (difference.envoy === difference.enmesh) continue;
    const rule = ACCEPTED_WASM_DIFFERENCES.find((it) =>
      (it.cases?.test(name) ?? true) && it.field.test("trace") &&
      (it.when?.(difference, one!, other!) ?? true)
    );
    if (rule === undefined) unexpected.push({ ...difference, field: `trace line ${at + 1}` });
    else accepted.add(rule);
  }
  return { unexpected, accepted };
}

/** A line without what the harness put in for one side. */
function neutral(line: string | undefined): string | null {
  return line?.replace(/[em]\d+\.\d+\.0/g, "(id)") ?? null;
}
