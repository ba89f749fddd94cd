import assert from "node:assert/strict";
import { createLoadBalancer } from "../../lib/load_balancer/create.ts";
import { HostSet } from "../../lib/load_balancer/host_set.ts";
import { type LocalCluster, planZoneRoute } from "../../lib/load_balancer/zone_routing.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { tally, type TestHost, testHost } from "./hosts.ts";

/** Hosts by zone; a host's key begins with its zone. */
function upstream(counts: Readonly<Record<string, number>>, health: TestHost["health"] = "healthy"): HostSet<TestHost> {
  return new HostSet(
    Object.entries(counts).map(([name, count]) => ({
      name,
      priority: 0,
      weight: null,
      hosts: Array.from({ length: count }, (_, i) => testHost(`${name}${i}`, { health: i === 0 ? health : "healthy" })),
    })),
    { overprovisioningFactor: 140, panicThreshold: 50, ownLocality: "a" },
  );
}

function callers(counts: Readonly<Record<string, number>>, own = "a", healthy = 1): LocalCluster {
  const localities = Object.entries(counts).map(([name, total]) => ({ name, total, healthy: total * healthy }));
  return { own, localities };
}

function shares(
  hosts: HostSet<TestHost>,
  local: LocalCluster | null,
  overrides: Partial<LoadBalancing> = {},
): Record<string, number> {
  const balancer = createLoadBalancer(loadBalancing({ policy: "random", ...overrides }), hosts, {
    random: seededRandom(7),
    clock: new FakeClock(),
    active: () => 0,
    local,
  });
  const zones: Record<string, number> = {};
  for (const [key, count] of tally(balancer, 20_000)) zones[key[0]!] = (zones[key[0]!] ?? 0) + count / 20_000;
  return zones;
}

function near(actual: Record<string, number>, expected: Record<string, number>): void {
  const zones = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  for (const zone of zones) {
    assert.ok(Math.abs((actual[zone] ?? 0) - (expected[zone] ?? 0)) < 0.02, JSON.stringify({ actual, expected }));
  }
}

Deno.test("All stays in the zone that has its share of the hosts", () => {
  near(shares(upstream({ a: 5, b: 5 }), callers({ a: 1, b: 1 })), { a: 1 });
});

Deno.test("What a zone cannot take goes where there is room", () => {
  // Callers 40/40/20 %, hosts 25/50/25 %: 62.5 % stay, the rest goes by the room of 10 and 5 %.
  const zones = shares(upstream({ a: 5, b: 10, c: 5 }), callers({ a: 4, b: 4, c: 2 }));
  near(zones, { a: 0.625, b: 0.375 * 2 / 3, c: 0.375 / 3 });
});

Deno.test("A caller whose zone has no hosts goes by the room of the others", () => {
  near(shares(upstream({ b: 6, c: 6 }), callers({ a: 1, b: 1 })), { b: 0, c: 1 });
});

Deno.test("Zones are ignored where they do not help", () => {
  const hosts = upstream({ a: 5, b: 5 });
  const plain = { a: 0.5, b: 0.5 };
  near(shares(hosts, null), plain);
  near(shares(hosts, callers({ a: 2 })), plain);
  near(shares(hosts, callers({ b: 1, c: 1 })), plain);
  near(shares(hosts, callers({ a: 4, b: 4 }, "a", 0.25)), plain);
  const zoneAware = { routingEnabledPercent: 100, minClusterSize: 11, failTrafficOnPanic: false };
  near(shares(hosts, callers({ a: 1, b: 1 }), { zoneAware }), plain);
  near(shares(hosts, callers({ a: 1, b: 1 }), { zoneAware: { ...zoneAware, minClusterSize: 2 } }), { a: 1 });
  const half = { ...zoneAware, minClusterSize: 2, routingEnabledPercent: 50 };
  near(shares(hosts, callers({ a: 1, b: 1 }), { zoneAware: half }), { a: 0.75, b: 0.25 });
});

Deno.test("In panic requests fail where they should rather than reach unhealthy hosts", () => {
  const sick = new HostSet(
    [{
      name: "a",
      priority: 0,
      weight: null,
      hosts: ["a0", "a1", "a2"].map((key) => testHost(key, { health: "unhealthy" })),
    }],
    { overprovisioningFactor: 140, panicThreshold: 50 },
  );
  const zoneAware = { routingEnabledPercent: 100, minClusterSize: 6, failTrafficOnPanic: true };
  assert.deepEqual(shares(sick, null, { zoneAware }), { n: 1 });
  near(shares(sick, null, { zoneAware: { ...zoneAware, failTrafficOnPanic: false } }), { a: 1 });
});

Deno.test("The plan counts only healthy hosts and callers", () => {
  const group = upstream({ a: 2, b: 6 }, "unhealthy").priorities[0]!;
  // One of six healthy hosts is near, half of the callers are: a third of the requests stays.
  const route = planZoneRoute(group, callers({ a: 2, b: 2 }), null);
  assert.deepEqual(route, { kind: "residual", stay: 3332, room: [0, 3333] });
});
