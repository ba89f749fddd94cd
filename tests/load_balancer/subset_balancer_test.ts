import assert from "node:assert/strict";
import { createLoadBalancer } from "../../lib/load_balancer/create.ts";
import { HostSet } from "../../lib/load_balancer/host_set.ts";
import type { PickContext } from "../../lib/load_balancer/load_balancer.ts";
import type { LoadBalancing, SubsetSelector, SubsetSettings } from "../../lib/resource/load_balancing.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { pickContext, tally, type TestHost, testHost } from "./hosts.ts";

function selector(keys: readonly string[], overrides: Partial<SubsetSelector> = {}): SubsetSelector {
  return { keys, fallback: null, fallbackKeys: [], singleHost: false, ...overrides };
}

function subsets(overrides: Partial<SubsetSettings> = {}): SubsetSettings {
  return {
    fallback: "any_endpoint",
    defaultSubset: {},
    selectors: [selector(["version"]), selector(["stage", "version"])],
    allowRedundantKeys: false,
    localityWeightAware: false,
    scaleLocalityWeight: false,
    panicModeAny: false,
    listAsAny: false,
    metadataFallbackList: false,
    ...overrides,
  };
}

const HOSTS: readonly TestHost[] = [
  testHost("a", { labels: { version: "v1", stage: "prod" } }),
  testHost("b", { labels: { version: "v1", stage: "test" } }),
  testHost("c", { labels: { version: "v2", stage: "prod" } }),
  testHost("d", { labels: { version: ["v2", "v3"] } }),
  testHost("e"),
];

function reached(
  settings: SubsetSettings,
  subset: PickContext["subset"],
  hosts = HOSTS,
  overrides: Partial<LoadBalancing> = {},
): string {
  const set = new HostSet([{ priority: 0, weight: 1, hosts }], { overprovisioningFactor: 140, panicThreshold: 0 });
  const balancer = createLoadBalancer(
    loadBalancing({ policy: "round_robin", subset: settings, ...overrides }),
    set,
    { random: seededRandom(1), clock: new FakeClock(), active: () => 0 },
  );
  return [...tally(balancer, 20, pickContext({ subset })).keys()].sort().join("");
}

Deno.test("A request goes to the subset of just its keys", () => {
  assert.equal(reached(subsets(), { version: "v1" }), "ab");
  assert.equal(reached(subsets(), { version: "v1", stage: "test" }), "b");
  assert.equal(reached(subsets(), { version: "v2" }), "c");
});

Deno.test("Without a subset the fallback policy decides", () => {
  assert.equal(reached(subsets(), null), "abcde");
  assert.equal(reached(subsets(), { version: "v9" }), "abcde");
  assert.equal(reached(subsets({ fallback: "no_fallback" }), { version: "v9" }), "none");
  assert.equal(reached(subsets({ fallback: "no_fallback" }), null), "none");
  const settings = subsets({ fallback: "default_subset", defaultSubset: { stage: "prod" } });
  assert.equal(reached(settings, { color: "blue" }), "ac");
});

Deno.test("A selector may have a policy of its own, the first that begins with its keys", () => {
  const settings = subsets({
    selectors: [
      selector(["version"], { fallback: "no_fallback" }),
      selector(["stage", "version"], { fallback: "keys_subset", fallbackKeys: ["version"] }),
      selector(["stage"], { fallback: "no_fallback" }),
    ],
  });
  assert.equal(reached(settings, { version: "v9" }), "none");
  assert.equal(reached(settings, { version: "v1", stage: "nowhere" }), "ab");
  // As in Envoy: `stage` is the beginning of the selector before.
  assert.equal(reached(settings, { stage: "nowhere" }), "abcde");
});

Deno.test("Redundant keys are left out where that is allowed", () => {
  assert.equal(reached(subsets({ fallback: "no_fallback" }), { version: "v1", color: "blue" }), "none");
  const settings = subsets({ fallback: "no_fallback", allowRedundantKeys: true });
  assert.equal(reached(settings, { version: "v1", color: "blue" }), "ab");
});

Deno.test("A list may stand for each of its values", () => {
  assert.equal(reached(subsets({ listAsAny: true }), { version: "v3" }), "d");
  assert.equal(reached(subsets({ listAsAny: true }), { version: "v2" }), "cd");
  assert.equal(reached(subsets({ fallback: "no_fallback" }), { version: "v3" }), "none");
});

Deno.test("An unhealthy subset fails, and panic reaches any host where it may", () => {
  const hosts = HOSTS.map((host) => ({ ...host, health: host.key === "c" ? "unhealthy" as const : host.health }));
  assert.equal(reached(subsets(), { version: "v2" }, hosts), "none");
  const settings = subsets({ fallback: "default_subset", defaultSubset: { version: "v2" }, panicModeAny: true });
  assert.equal(reached(settings, null, hosts), "abde");
});

Deno.test("The request's own list of fallbacks is tried in order", () => {
  const settings = subsets({ fallback: "no_fallback", metadataFallbackList: true });
  const fallback_list = [{ version: "v9" }, { version: "v2" }, { version: "v1" }];
  assert.equal(reached(settings, { fallback_list }), "c");
});

Deno.test("A subset of single hosts takes the first", () => {
  assert.equal(reached(subsets({ selectors: [selector(["version"], { singleHost: true })] }), { version: "v1" }), "a");
});

Deno.test("Weights of localities count in subsets only where they should", () => {
  const set = new HostSet([
    { name: "near", priority: 0, weight: 9, hosts: [HOSTS[0]!, HOSTS[2]!, HOSTS[4]!] },
    { name: "far", priority: 0, weight: 1, hosts: [HOSTS[1]!] },
  ], { overprovisioningFactor: 140, panicThreshold: 0 });
  const near = (subset: SubsetSettings) => {
    const settings = loadBalancing({ policy: "round_robin", localityWeighted: true, subset });
    const balancer = createLoadBalancer(settings, set, {
      random: seededRandom(3),
      clock: new FakeClock(),
      active: () => 0,
    });
    return tally(balancer, 1000, pickContext({ subset: { version: "v1" } })).get("a")! / 1000;
  };
  assert.ok(Math.abs(near(subsets()) - 0.5) < 0.01);
  assert.ok(Math.abs(near(subsets({ localityWeightAware: true })) - 0.9) < 0.01);
  // A third of nine against one.
  const scaled = subsets({ localityWeightAware: true, scaleLocalityWeight: true });
  assert.ok(Math.abs(near(scaled) - 0.75) < 0.01);
});
