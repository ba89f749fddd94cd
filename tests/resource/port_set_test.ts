import assert from "node:assert/strict";
import type { EnvoyConfigListenerV3ListenerFilterChainMatchPredicate as Predicate } from "../../lib/protobuf/gen/messages.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { matchingPorts } from "../../lib/resource/port_set.ts";

function ports(predicate: Predicate | undefined): number[] {
  const issues = new Issues();
  const out = matchingPorts(issues, "p", predicate);
  assert.deepEqual(issues.errors, []);
  return out;
}

const range = (start: number, end: number): Predicate => ({ destinationPortRange: { start, end } });

Deno.test("Ranges include their start and exclude their end", () => {
  assert.deepEqual(ports(undefined), []);
  assert.deepEqual(ports(range(80, 83)), [80, 81, 82]);
  assert.deepEqual(ports(range(80, 80)), []);
});

Deno.test("Or, and, not, any", () => {
  assert.deepEqual(ports({ orMatch: { rules: [range(1, 3), range(2, 5)] } }), [1, 2, 3, 4]);
  assert.deepEqual(ports({ andMatch: { rules: [range(1, 3), range(2, 5)] } }), [2]);
  assert.equal(ports({ notMatch: range(0, 65_536) }).length, 0);
  assert.equal(ports({ anyMatch: true }).length, 65_536);
  assert.deepEqual(ports({ andMatch: { rules: [range(10, 13), { notMatch: range(11, 12) }] } }), [10, 12]);
});

Deno.test("Wrong predicates are reported, and nesting has an end", () => {
  const issues = new Issues();
  matchingPorts(issues, "p", range(5, 1));
  matchingPorts(issues, "p", range(-1, 70_000));
  matchingPorts(issues, "p", {});
  assert.match(issues.errors[0]!, /'p\.destination_port_range\.end': it must be from 5 to 65536, current value is '1'/);
  assert.equal(issues.errors.length, 4);
  let deep: Predicate = range(1, 2);
  for (let level = 0; level < 40; level++) deep = { notMatch: deep };
  const nested = new Issues();
  matchingPorts(nested, "p", deep);
  assert.match(nested.errors[0]!, /it must not nest deeper than 32/);
});
