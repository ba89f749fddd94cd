import assert from "node:assert/strict";
import fc from "fast-check";
import { priorityLoads } from "../../lib/load_balancer/priority_load.ts";

/** Healthy percentages of priorities of 100 hosts each, and the loads Envoy's documentation gives for them. */
const DOCUMENTED: readonly [readonly number[], readonly number[]][] = [
  [[100, 100], [100, 0]],
  [[72, 72], [100, 0]],
  [[71, 71], [99, 1]],
  [[50, 50], [70, 30]],
  [[25, 100], [35, 65]],
  [[25, 25], [50, 50]],
  [[100, 100, 100], [100, 0, 0]],
  [[50, 0, 50], [70, 0, 30]],
  [[25, 100, 0], [35, 65, 0]],
  [[0, 100, 100], [0, 100, 0]],
];

for (const [healthy, loads] of DOCUMENTED) {
  Deno.test(`Priorities with ${healthy} % healthy share ${loads}`, () => {
    const counts = healthy.map((count) => ({ total: 100, healthy: count, degraded: 0 }));
    assert.deepEqual(priorityLoads(counts, 140, 0).map((load) => load.healthy), loads);
  });
}

Deno.test("Degraded hosts take what healthy ones of all priorities leave", () => {
  const loads = priorityLoads(
    [{ total: 100, healthy: 50, degraded: 50 }, { total: 100, healthy: 0, degraded: 0 }],
    140,
    0,
  );
  assert.deepEqual(loads, [
    { healthy: 70, degraded: 30, panic: false },
    { healthy: 0, degraded: 0, panic: false },
  ]);
});

Deno.test("A priority panics only while all together are short of hosts", () => {
  const one = (healthy: number) => ({ total: 100, healthy, degraded: 0 });
  assert.equal(priorityLoads([one(10), one(100)], 140, 50)[0]!.panic, false);
  assert.deepEqual(priorityLoads([one(10), one(60)], 140, 50).map(({ panic }) => panic), [true, false]);
  assert.deepEqual(priorityLoads([one(0), one(0)], 140, 50).map(({ panic, healthy }) => [panic, healthy]), [
    [true, 50],
    [true, 50],
  ]);
  assert.deepEqual(priorityLoads([one(0), one(0)], 140, 0).map(({ panic, healthy }) => [panic, healthy]), [
    [false, 100],
    [false, 0],
  ]);
});

Deno.test("Loads always add up to 100 %", () => {
  const counts = fc.record({ total: fc.nat(50), healthy: fc.nat(50), degraded: fc.nat(50) }).map(
    ({ total, healthy, degraded }) => ({ total: total + healthy + degraded, healthy, degraded }),
  );
  fc.assert(fc.property(
    fc.array(counts, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 100, max: 300 }),
    fc.nat(100),
    (counts, overprovisioning, panic) => {
      const loads = priorityLoads(counts, overprovisioning, panic);
      assert.equal(loads.reduce((sum, { healthy, degraded }) => sum + healthy + degraded, 0), 100);
      assert.ok(loads.every(({ healthy, degraded }) => healthy >= 0 && degraded >= 0));
    },
  ));
});

Deno.test("Hosts that are excluded are no part of what the usable ones are counted against", () => {
  const spare = { total: 1, healthy: 1, degraded: 0 };
  const healthy = (total: number, excluded: number, panicThreshold = 0) =>
    priorityLoads([{ total, excluded, healthy: 1, degraded: 0 }, spare], 140, panicThreshold).map((load) =>
      load.healthy
    );
  assert.deepEqual(healthy(2, 0), [70, 30]);
  assert.deepEqual(healthy(2, 1), [100, 0]);
  const alone = priorityLoads([{ total: 10, excluded: 9, healthy: 1, degraded: 0 }], 140, 50);
  assert.deepEqual(alone, [{ healthy: 100, degraded: 0, panic: false }]);
  assert.equal(priorityLoads([{ total: 2, excluded: 2, healthy: 0, degraded: 0 }], 140, 0)[0]!.healthy, 100);
  const weights = { total: 10, excluded: 9, healthy: 1, degraded: 0 };
  const weighted = priorityLoads([{ total: 2, excluded: 1, healthy: 1, degraded: 0, weights }, spare], 140, 0);
  assert.deepEqual(weighted.map((load) => load.healthy), [100, 0]);
});
