import assert from "node:assert/strict";
import { createLoadBalancer } from "../../lib/load_balancer/create.ts";
import { HostSet } from "../../lib/load_balancer/host_set.ts";
import { slowStartFactor } from "../../lib/load_balancer/slow_start.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { tally, testHost } from "./hosts.ts";

const WINDOW = { slowStartWindowMs: 10_000, slowStartAggression: 1, slowStartMinWeightPercent: 10 };

Deno.test("A host's share grows with its age, from the least percentage to the whole", () => {
  const host = testHost("a", { healthySince: 1000 });
  for (
    const [age, aggression, factor] of [
      [0, 1, 0.1],
      [500, 1, 0.1],
      [2500, 1, 0.25],
      [9999, 1, 0.9999],
      [10_000, 1, 1],
      [2500, 2, 0.5],
      [2500, 0.5, 0.1],
      [6000, 0.5, 0.36],
    ] as const
  ) {
    const options = { ...WINDOW, slowStartAggression: aggression };
    assert.ok(Math.abs(slowStartFactor(host, options, 1000 + age) - factor) < 1e-9, `${age} ms, ${aggression}`);
  }
  assert.equal(slowStartFactor(testHost("b"), WINDOW, 0), 1);
  assert.equal(slowStartFactor(testHost("c", { healthySince: 0, health: "degraded" }), WINDOW, 0), 1);
});

for (const policy of ["round_robin", "least_request"] as const) {
  Deno.test(`${policy}: a new host warms up, then shares as the others do`, async () => {
    const clock = new FakeClock();
    const start = clock.monotonic();
    const old = testHost("old", { healthySince: start - 60_000 });
    const young = testHost("young", { healthySince: start });
    const set = new HostSet([{ priority: 0, weight: null, hosts: [old, young] }], {
      overprovisioningFactor: 140,
      panicThreshold: 0,
    });
    const settings = loadBalancing({ policy, ...WINDOW });
    const balancer = createLoadBalancer(settings, set, { random: seededRandom(1), clock, active: () => 0 });
    const share = () => (tally(balancer, 2000).get("young") ?? 0) / 2000;
    assert.ok(Math.abs(share() - 0.1 / 1.1) < 0.01);
    await clock.advance(5000);
    assert.ok(Math.abs(share() - 0.5 / 1.5) < 0.02);
    await clock.advance(5001);
    assert.ok(Math.abs(share() - 0.5) < 0.05);
  });
}
