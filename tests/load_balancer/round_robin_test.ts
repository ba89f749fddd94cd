import assert from "node:assert/strict";
import fc from "fast-check";
import { RoundRobinPicker } from "../../lib/load_balancer/round_robin.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { weightedHosts } from "./hosts.ts";

Deno.test("Equal weights take turns in order", () => {
  const picker = new RoundRobinPicker(weightedHosts([1, 2, 3]), () => 0);
  assert.deepEqual([1, 2, 3, 4].map(() => picker.pick()!.key.slice(10)), ["1", "2", "3", "1"]);
});

Deno.test("Every cycle holds each host exactly as often as its weight", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
    fc.nat(),
    (weights, seed) => {
      const hosts = weightedHosts(weights.map((_, i) => i), weights);
      // A random source of 0 starts at the beginning of a cycle.
      const picker = new RoundRobinPicker(hosts, () => 0);
      const cycle = weights.reduce((a, b) => a + b, 0);
      for (let round = 0; round < 3; round++) {
        const counts = new Map<unknown, number>();
        for (let i = 0; i < cycle; i++) {
          const host = picker.pick();
          counts.set(host, (counts.get(host) ?? 0) + 1);
        }
        assert.deepEqual(hosts.map(({ host }) => counts.get(host) ?? 0), weights);
      }
      // From anywhere in a cycle too, as long as it is a whole one.
      const started = new RoundRobinPicker(hosts, seededRandom(seed));
      let total = 0;
      for (let i = 0; i < cycle * 2; i++) if (started.pick() === hosts[0]!.host) total++;
      assert.ok(Math.abs(total - 2 * weights[0]!) <= weights[0]!);
    },
  ));
});

Deno.test("Picks of one host are spread over the cycle", () => {
  const picker = new RoundRobinPicker(weightedHosts([1, 2], [3, 1]), () => 0);
  const order = Array.from({ length: 8 }, () => picker.pick()!.key.slice(10)).join("");
  assert.equal(order.includes("22"), false);
  assert.equal(order.match(/2/g)!.length, 2);
});

Deno.test("When a host comes, turns go on from where they stood", () => {
  const former = new RoundRobinPicker(weightedHosts([1, 2, 3]), () => 0);
  former.pick();
  former.pick();
  const next = new RoundRobinPicker(weightedHosts([1, 2, 3, 4]), () => 0, former);
  assert.deepEqual([1, 2, 3].map(() => next.pick()!.key.slice(10)), ["3", "4", "1"]);
});
