import assert from "node:assert/strict";
import { createLoadBalancer } from "../../lib/load_balancer/create.ts";
import { HostSet } from "../../lib/load_balancer/host_set.ts";
import type { Picker, WeightedHost } from "../../lib/load_balancer/load_balancer.ts";
import { overrideHost } from "../../lib/load_balancer/override_host.ts";
import { PickerStore } from "../../lib/load_balancer/picker_store.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { loadBalancing } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { pickContext, tally, type TestHost, testHost, weightedHosts } from "./hosts.ts";
import { assertShares } from "./statistics.ts";

function priorities(...groups: readonly (readonly TestHost[])[]): HostSet<TestHost> {
  return new HostSet(groups.map((hosts, priority) => ({ priority, weight: null, hosts })), {
    overprovisioningFactor: 140,
    panicThreshold: 0,
  });
}

Deno.test("A retry may avoid priorities, as long as another has hosts", () => {
  const set = priorities([testHost("a")], [testHost("b")], [testHost("c", { health: "unhealthy" })]);
  const balancer = createLoadBalancer(loadBalancing({ policy: "round_robin" }), set, {
    random: seededRandom(1),
    clock: new FakeClock(),
    active: () => 0,
  });
  let resets = 0;
  const excluding = (priorities: readonly number[] | null) =>
    priorities === null ? null : { priorities, reset: () => resets++ };
  const reached = (priorities: readonly number[] | null) =>
    [...tally(balancer, 50, pickContext({ excludedPriorities: excluding(priorities) })).keys()].join();
  assert.equal(reached(null), "a");
  assert.equal(reached([0]), "b");
  assert.equal(reached([1]), "a");
  assert.equal(resets, 0);
  assert.equal(reached([0, 1]), "a", "nothing is left: as if none was tried");
  assert.equal(resets, 50, "whoever counts hears of it");
});

Deno.test("Priorities weigh their hosts where the assignment says so", () => {
  const hosts = [testHost("a", { weight: 9 }), testHost("b", { health: "unhealthy" })];
  const loads = (weightedPriorityHealth: boolean) =>
    new HostSet(
      [{ priority: 0, weight: null, hosts }, { priority: 1, weight: null, hosts: [testHost("c")] }],
      { overprovisioningFactor: 100, panicThreshold: 0, weightedPriorityHealth },
    ).loads.map(({ healthy }) => healthy);
  assert.deepEqual(loads(false), [50, 50]);
  assert.deepEqual(loads(true), [90, 10]);
});

Deno.test("A picker stays as long as its list does", () => {
  const store = new PickerStore<TestHost>();
  const made: number[] = [];
  const factory = (hosts: readonly WeightedHost<TestHost>[]): Picker<TestHost> => {
    made.push(hosts.length);
    return { pick: () => hosts[0]?.host ?? null };
  };
  const two = weightedHosts([1, 2]);
  const again = () => two.map(({ host, weight }) => ({ host, weight }));
  store.begin();
  const first = store.get("0", two, factory);
  store.begin();
  assert.equal(store.get("0", again(), factory), first);
  assert.equal(store.get("0", [], factory), first, "one list has one picker in a set");
  store.begin();
  assert.notEqual(store.get("0", again().slice(1), factory), first);
  store.begin();
  store.get("0", [{ host: two[1]!.host, weight: 5 }], factory);
  store.begin();
  Object.assign(two[1]!.host, { hashKey: "another" });
  store.get("0", [{ host: two[1]!.host, weight: 5 }], factory);
  assert.deepEqual(made, [2, 1, 1, 1]);
});

Deno.test("A change in one priority leaves the picker of another where it stood", () => {
  const near = ["a", "b", "c", "d"].map((key) => testHost(key));
  const pickers = new PickerStore<TestHost>();
  const deps = { random: () => 0, clock: new FakeClock(), active: () => 0, pickers };
  const settings = loadBalancing({ policy: "round_robin" });
  const make = (far: readonly TestHost[]) => {
    pickers.begin();
    return createLoadBalancer(settings, priorities(near, far), deps);
  };
  const before = make([]);
  assert.deepEqual([1, 2, 3].map(() => before.pick(pickContext())!.key), ["a", "b", "c"]);
  assert.equal(make([testHost("e")]).pick(pickContext())!.key, "d");
});

Deno.test("Localities of one name are one, and the own one comes first", () => {
  const set = new HostSet(
    ["b", "a", "c", "b"].map((name, i) => ({ name, priority: 0, weight: i + 1, hosts: [testHost(`${name}${i}`)] })),
    { overprovisioningFactor: 140, panicThreshold: 0, ownLocality: "c" },
  );
  const { localities, all } = set.priorities[0]!;
  assert.deepEqual(localities.map(({ name, weight, all }) => [name, weight, all.length]), [
    ["c", 3, 1],
    ["a", 2, 1],
    ["b", 4, 2],
  ]);
  assert.deepEqual(all.map(({ key }) => key), ["b0", "a1", "c2", "b3"]);
});

Deno.test("A host named by the request is taken in the health that allows it", () => {
  const hosts = new Map(
    (["healthy", "unhealthy", "draining", "degraded"] as const).map((status) => [
      status as string,
      testHost(status, { status }),
    ]),
  );
  const settings = loadBalancing({ overrideHostHeaders: ["x-host"] });
  const named = (address: string, strict = false, of = settings) =>
    overrideHost(of, pickContext({ override: { address, strict } }), (key) => hosts.get(key));
  assert.equal(named("healthy")?.key, "healthy");
  assert.equal(named("degraded")?.key, "degraded");
  assert.equal(named("draining"), undefined);
  assert.equal(named("draining", true), null);
  assert.equal(named("gone", true), null);
  assert.equal(named("draining", true, loadBalancing({ overrideHostStatus: ["draining"] }))?.key, "draining");
  assert.equal(named("healthy", true, loadBalancing({ overrideHostStatus: [] })), undefined);
});

Deno.test("Headers name hosts for one attempt after the other", () => {
  const hosts = new Map(["1.1.1.1:80", "2.2.2.2:80"].map((key) => [key, testHost(key)]));
  const settings = loadBalancing({ overrideHostHeaders: ["x-none", "x-host"] });
  const headers = { get: (name: string) => name === "x-host" ? "9.9.9.9:80, 2.2.2.2:80,1.1.1.1:80" : undefined };
  const named = (attempt: number) => overrideHost(settings, pickContext({ headers, attempt }), (key) => hosts.get(key));
  assert.deepEqual([0, 1, 2].map((attempt) => named(attempt)?.key), ["2.2.2.2:80", "1.1.1.1:80", undefined]);
});

Deno.test("Loads of degraded and healthy hosts are kept apart in each priority", () => {
  const set = priorities(
    [testHost("a"), testHost("b", { health: "degraded" }), testHost("x", { health: "unhealthy" })],
    [testHost("c")],
  );
  const balancer = createLoadBalancer(loadBalancing({ policy: "random" }), set, {
    random: seededRandom(2),
    clock: new FakeClock(),
    active: () => 0,
  });
  const counts = tally(balancer, 20_000);
  // 46 % for the healthy host of the first priority, then all that is left for the second.
  assertShares(["a", "b", "c"].map((key) => counts.get(key) ?? 0), [0.46, 0, 0.54], "loads");
});
