import assert from "node:assert/strict";
import { MaglevPicker } from "../../lib/load_balancer/maglev.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { hashedHosts } from "./hosts.ts";

function table(ports: readonly number[], size: number, weights?: readonly number[]): number[] {
  const picker = new MaglevPicker(hashedHosts(ports, weights), size, seededRandom(1));
  return Array.from({ length: size }, (_, lo) => Number(picker.pick({ hi: 0, lo }, 0)!.key.slice(10)));
}

Deno.test("The table is Envoy's (the assignments of its own test)", () => {
  assert.deepEqual(table([90, 91, 92, 93, 94, 95], 7), [92, 94, 90, 91, 95, 90, 93]);
});

Deno.test("The order of the hosts does not matter", () => {
  assert.deepEqual(table([95, 92, 90, 91, 94, 93], 7), [92, 94, 90, 91, 95, 90, 93]);
});

Deno.test("Shares follow the weights", () => {
  const entries = table([90, 91], 17, [1, 2]);
  assert.equal(entries.filter((port) => port === 90).length, 6);
  assert.equal(entries.filter((port) => port === 91).length, 11);
});

Deno.test("A host that goes moves few of the other keys", () => {
  const ports = Array.from({ length: 10 }, (_, i) => 8000 + i);
  const before = table(ports, 1009);
  const after = table(ports.slice(1), 1009);
  const moved = before.filter((port, i) => port !== 8000 && after[i] !== port).length;
  assert.ok(moved < 1009 * 0.1, `'${moved}' of 1009 entries moved without need`);
});

Deno.test("A further attempt goes elsewhere", () => {
  const picker = new MaglevPicker(hashedHosts([90, 91, 92, 93, 94, 95]), 65_537, seededRandom(1));
  let same = 0;
  for (let lo = 0; lo < 100; lo++) {
    const hash = { hi: lo * 7919, lo: lo * 104729 };
    if (picker.pick(hash, 0) === picker.pick(hash, 1)) same++;
  }
  assert.ok(same < 40, `'${same}' of 100 keys stayed`);
});
