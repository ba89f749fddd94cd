/** Hosts are chosen as a real Envoy chooses them: the same clusters, the same keys, the same endpoints. */
import assert from "node:assert/strict";
import { CookieSession, HeaderSession } from "../../lib/filter/session_state.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";
import { clusterBytes, Packed, Struct } from "./load_balancing/dual.ts";
import { endpoints, policy, testCluster, type TestLocality } from "./load_balancing/clusters.ts";
import { type Ask, EnmeshSide, EnvoySide, startBackends } from "./load_balancing/rig.ts";
import { assertShares } from "../load_balancer/statistics.ts";

const BACKENDS = 20;
const KEYS = 300;
const SEED = 20_240_611;

const RING = { lbPolicy: "RING_HASH" };
const MAGLEV = { lbPolicy: "MAGLEV" };
const BY_LOCALITY = { localityWeightedLbConfig: {} };
const flat = (count: number, overrides?: Parameters<typeof endpoints>[1]): TestLocality[] => [
  { endpoints: endpoints(count, overrides) },
];
const weighted = (backend: number) => ({ weight: 1 + backend * 3 % 7 });
const places = (weights: readonly (number | undefined)[]): TestLocality[] =>
  weights.map((weight, index) => ({
    zone: `z${(index * 2) % 3}`,
    ...(weight === undefined ? {} : { weight }),
    endpoints: endpoints(
      3 + index,
      (backend) => backend === 1 ? { health: "UNHEALTHY" } : { weight: 1 + backend % 3 },
      index * 6,
    ),
  }));

/** Clusters in which every key has one right endpoint. */
const KEYED: Record<string, { localities: TestLocality[]; settings: object }> = {
  "ring, 7 endpoints": { localities: flat(7), settings: RING },
  "ring, one endpoint": { localities: flat(1), settings: RING },
  "ring, 7 endpoints, Murmur": {
    localities: flat(7),
    settings: { ...RING, ringHashLbConfig: { hashFunction: "MURMUR_HASH_2" } },
  },
  "ring, 20 endpoints with weights": { localities: flat(20, weighted), settings: RING },
  "ring, 20 endpoints with weights, Murmur": {
    localities: flat(20, weighted),
    settings: { ...RING, ringHashLbConfig: { hashFunction: "MURMUR_HASH_2", minimumRingSize: { value: 3000 } } },
  },
  "ring, bounded size": {
    localities: flat(20, weighted),
    settings: { ...RING, ringHashLbConfig: { minimumRingSize: { value: 30 }, maximumRingSize: { value: 50 } } },
  },
  "ring, keys from metadata": {
    localities: flat(7, (backend) => backend < 5 ? { labels: { hash_key: `pod-${backend}` } } : {}),
    settings: RING,
  },
  "ring, weights of localities": { localities: places([3, 1, 2]), settings: { ...RING, commonLbConfig: BY_LOCALITY } },
  "ring, a locality without weight": {
    localities: places([3, undefined, 2]),
    settings: { ...RING, commonLbConfig: BY_LOCALITY },
  },
  "ring, no locality has a weight": {
    localities: places([undefined, undefined, undefined]),
    settings: { ...RING, commonLbConfig: BY_LOCALITY },
  },
  "ring, localities ignored": { localities: places([3, 1, 2]), settings: RING },
  "ring, priorities": {
    localities: [
      { priority: 0, endpoints: endpoints(4, (backend) => backend < 2 ? { health: "UNHEALTHY" } : {}) },
      { priority: 1, endpoints: endpoints(4, (backend) => backend === 4 ? { health: "DEGRADED" } : {}, 4) },
      { priority: 2, endpoints: endpoints(4, () => ({}), 8) },
    ],
    settings: RING,
  },
  "ring, only degraded endpoints": { localities: flat(3, () => ({ health: "DEGRADED" })), settings: RING },
  "ring, all statuses": {
    localities: flat(6, (backend) => ({
      health: ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"][backend]!,
    })),
    settings: { ...RING, commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
  },
  "ring, panic": {
    localities: flat(7, (backend) => backend > 1 ? { health: "UNHEALTHY" } : {}),
    settings: RING,
  },
  "ring, no panic": {
    localities: flat(7, (backend) => backend > 1 ? { health: "UNHEALTHY" } : {}),
    settings: { ...RING, commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
  },
  "maglev, 7 endpoints": { localities: flat(7), settings: MAGLEV },
  "maglev, 20 endpoints with weights": { localities: flat(20, weighted), settings: MAGLEV },
  "maglev, small table": {
    localities: flat(20, weighted),
    settings: { ...MAGLEV, maglevLbConfig: { tableSize: { value: 251 } } },
  },
  "maglev, keys from metadata": {
    localities: flat(7, (backend) => ({ labels: { hash_key: `pod-${6 - backend}` } })),
    settings: MAGLEV,
  },
  "maglev, weights of localities": {
    localities: places([3, 1, 2]),
    settings: { ...MAGLEV, commonLbConfig: BY_LOCALITY },
  },
  "maglev, total panic over priorities": {
    localities: [
      { priority: 0, endpoints: endpoints(3, () => ({ health: "UNHEALTHY" })) },
      { priority: 1, endpoints: endpoints(6, () => ({ health: "UNHEALTHY" }), 3) },
    ],
    settings: MAGLEV,
  },
  "policy ring_hash": {
    localities: flat(7, weighted),
    settings: {
      loadBalancingPolicy: policy("ring_hash", {
        hashFunction: "MURMUR_HASH_2",
        minimumRingSize: { value: 500 },
        maximumRingSize: { value: 2000 },
      }),
    },
  },
  "policy ring_hash, localities": {
    localities: places([3, 1, 2]),
    settings: { loadBalancingPolicy: policy("ring_hash", { localityWeightedLbConfig: {} }) },
  },
  "policy maglev": {
    localities: flat(7, weighted),
    settings: { loadBalancingPolicy: policy("maglev", { tableSize: { value: 1009 } }) },
  },
};

Deno.test(`A key lands where Envoy sends it (${KEYS} keys in each of ${Object.keys(KEYED).length} clusters)`, async (t) => {
  await using backends = startBackends(BACKENDS);
  const clusters = Object.entries(KEYED).map(([name, { localities, settings }]) =>
    testCluster(name, backends.ports, localities, settings)
  );
  await using envoy = await EnvoySide.start(clusters);
  const enmesh = new EnmeshSide(clusters, backends.ports, SEED);
  for (const name of Object.keys(KEYED)) {
    await t.step(name, async () => {
      const wrong: string[] = [];
      for (let i = 0; i < KEYS; i++) {
        const key = `key-${i}`;
        const [theirs, ours] = [await envoy.pick(name, { key }), await enmesh.pick(name, { key })];
        if (theirs !== ours) wrong.push(`${key}: ${theirs} by Envoy, ${ours} here`);
      }
      assert.deepEqual(wrong, []);
    });
  }
});

const UNKNOWN = {
  typedExtensionConfig: { name: "example.unknown", typedConfig: new Packed("google.protobuf.BoolValue", {}) },
};
const first = (name: string, message: object) => (policy(name, message) as { policies: object[] }).policies[0]!;
/** Settings that Envoy takes or refuses. */
const JUDGED: Record<string, object> = {
  "a policy after an unknown one": { loadBalancingPolicy: { policies: [UNKNOWN, first("round_robin", {})] } },
  "only an unknown policy": { loadBalancingPolicy: { policies: [UNKNOWN] } },
  "no policy": { loadBalancingPolicy: { policies: [] } },
  "LOAD_BALANCING_POLICY_CONFIG alone": { lbPolicy: "LOAD_BALANCING_POLICY_CONFIG" },
  "a policy beside lb_policy": { lbPolicy: "RING_HASH", loadBalancingPolicy: policy("random", {}) },
  "a policy beside subsets": {
    loadBalancingPolicy: policy("random", {}),
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a"] }] },
  },
  "CLUSTER_PROVIDED of endpoints": { lbPolicy: "CLUSTER_PROVIDED" },
  "a ring with more at least than at most": {
    ...RING,
    ringHashLbConfig: { minimumRingSize: { value: 20 }, maximumRingSize: { value: 10 } },
  },
  "a policy's ring of no size": { loadBalancingPolicy: policy("ring_hash", { minimumRingSize: { value: 0 } }) },
  "a policy of one choice": { loadBalancingPolicy: policy("least_request", { choiceCount: { value: 1 } }) },
  "a policy's balance factor too small": {
    loadBalancingPolicy: policy("ring_hash", { consistentHashingLbConfig: { hashBalanceFactor: { value: 50 } } }),
  },
  "a policy's ring too large": { loadBalancingPolicy: policy("ring_hash", { maximumRingSize: { value: 8388609 } }) },
  "a policy's ring with more at least than at most": {
    loadBalancingPolicy: policy("ring_hash", { minimumRingSize: { value: 20 }, maximumRingSize: { value: 10 } }),
  },
  "a policy's table that is not prime": { loadBalancingPolicy: policy("maglev", { tableSize: { value: 100 } }) },
  "a policy's percentage above 100": {
    loadBalancingPolicy: policy("round_robin", {
      localityLbConfig: { zoneAwareLbConfig: { routingEnabled: { value: 101 } } },
    }),
  },
  "a locality policy of another than weighted round robin": {
    loadBalancingPolicy: policy("wrr_locality", { endpointPickingPolicy: policy("round_robin", {}) }),
  },
  "a locality policy": {
    loadBalancingPolicy: policy("wrr_locality", {
      endpointPickingPolicy: policy("client_side_weighted_round_robin", {}),
    }),
  },
  "a ring too large": { ...RING, ringHashLbConfig: { maximumRingSize: { value: 8388609 } } },
  "a table that is not prime": { ...MAGLEV, maglevLbConfig: { tableSize: { value: 100 } } },
  "one choice": { lbPolicy: "LEAST_REQUEST", leastRequestLbConfig: { choiceCount: { value: 1 } } },
  "a balance factor too small": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: { value: 99 } } },
  },
  "a balance factor": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: { value: 150 } } },
  },
  "host names of static endpoints": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { useHostnameForHashing: true } },
  },
  "slow start": { roundRobinLbConfig: { slowStartConfig: { slowStartWindow: { seconds: 10 } } } },
  "fallback keys that are all keys": {
    lbSubsetConfig: {
      subsetSelectors: [{ keys: ["a", "b"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["a", "b"] }],
    },
  },
  "fallback keys that are no keys": {
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["b"] }] },
  },
  "fallback keys without their policy": {
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a", "b"], fallbackKeysSubset: ["a"] }] },
  },
  "subsets of a policy": {
    loadBalancingPolicy: policy("subset", {
      subsetSelectors: [{ keys: ["a"] }],
      subsetLbPolicy: policy("round_robin", {}),
    }),
  },
  "an empty locality policy": { loadBalancingPolicy: policy("round_robin", { localityLbConfig: {} }) },
  "override_host without sources": {
    loadBalancingPolicy: policy("override_host", { fallbackPolicy: policy("round_robin", {}) }),
  },
  "override_host": {
    loadBalancingPolicy: policy("override_host", {
      overrideHostSources: [{ header: "x-host" }],
      fallbackPolicy: policy("round_robin", {}),
    }),
  },
};

/** Envoy does not check the bounds its interface declares for these; enmesh does, and refuses what makes no sense. */
const STRICTER = new Set([
  "a policy of one choice",
  "a policy's balance factor too small",
  "a policy's ring too large",
  "a policy's percentage above 100",
]);

Deno.test("What Envoy refuses is refused here, and nothing else", async (t) => {
  for (const [name, settings] of Object.entries(JUDGED)) {
    await t.step(name, async () => {
      const cluster = testCluster("judged", [1, 2], flat(2), settings);
      let theirs: string | null = null;
      try {
        await using _ = await EnvoySide.start([cluster]);
      } catch (error) {
        theirs = (error as Error).message;
      }
      const ours = parseCluster(clusterBytes(cluster), {
        http: new Map(),
        perRoute: new Map(),
        network: new Map(),
        skip: new Set(),
      });
      if (STRICTER.has(name)) {
        assert.equal(theirs, null);
        return assert.equal(ours.ok, false);
      }
      assert.equal(ours.ok, theirs === null, `${theirs}; ${ours.ok ? "" : ours.errors.join("; ")}`);
    });
  }
});

/** Clusters in which endpoints have shares; backends not named have none. */
const SHARED: Record<string, { localities: TestLocality[]; settings: object; shares: number[]; exact?: boolean }> = {
  "round robin": { localities: flat(5), settings: {}, shares: [1, 1, 1, 1, 1], exact: true },
  "round robin with weights": {
    localities: flat(4, (backend) => ({ weight: [1, 2, 5, 2][backend]! })),
    settings: { lbPolicy: "ROUND_ROBIN" },
    shares: [1, 2, 5, 2],
    exact: true,
  },
  "policy round_robin": {
    localities: flat(3, (backend) => ({ weight: backend + 1 })),
    settings: { loadBalancingPolicy: policy("round_robin", {}) },
    shares: [1, 2, 3],
    exact: true,
  },
  "random knows no weights": {
    localities: flat(4, weighted),
    settings: { lbPolicy: "RANDOM" },
    shares: [1, 1, 1, 1],
  },
  "least request, idle": { localities: flat(4), settings: { lbPolicy: "LEAST_REQUEST" }, shares: [1, 1, 1, 1] },
  "least request with weights, idle": {
    localities: flat(3, (backend) => ({ weight: [1, 2, 7][backend]! })),
    settings: { lbPolicy: "LEAST_REQUEST" },
    shares: [1, 2, 7],
    exact: true,
  },
  "policy least_request, full scan": {
    localities: flat(4),
    settings: { loadBalancingPolicy: policy("least_request", { selectionMethod: "FULL_SCAN" }) },
    shares: [1, 1, 1, 1],
  },
  "a priority spills over": {
    localities: [
      { priority: 0, endpoints: endpoints(4, (backend) => backend < 2 ? { health: "UNHEALTHY" } : {}) },
      { priority: 1, endpoints: endpoints(2, () => ({}), 4) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN" },
    // 140 % of a half is 70 %.
    shares: [0, 0, 35, 35, 15, 15],
  },
  "degraded endpoints take what is left": {
    localities: flat(
      5,
      (backend) => ({ health: ["HEALTHY", "DEGRADED", "UNHEALTHY", "UNHEALTHY", "DEGRADED"][backend]! }),
    ),
    settings: { lbPolicy: "RANDOM", commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
    // 28 of 84 % are healthy, rounded down, and the rest of the rounding; 56 of 84 are degraded.
    shares: [34, 33, 0, 0, 33],
  },
  "panic ignores health": {
    localities: flat(4, (backend) => backend > 0 ? { health: "UNHEALTHY" } : {}),
    settings: { lbPolicy: "ROUND_ROBIN" },
    shares: [1, 1, 1, 1],
    exact: true,
  },
  "localities by weight": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN", commonLbConfig: BY_LOCALITY },
    shares: [3, 3, 1, 1],
    exact: true,
  },
  "policy wrr_locality": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: {
      loadBalancingPolicy: policy("wrr_locality", {
        endpointPickingPolicy: policy("client_side_weighted_round_robin", {}),
      }),
    },
    shares: [3, 3, 1, 1],
    exact: true,
  },
  "policy random by locality": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: { loadBalancingPolicy: policy("random", { localityLbConfig: BY_LOCALITY }) },
    shares: [3, 3, 1, 1],
  },
  "a locality that lost endpoints": {
    localities: [
      { zone: "a", weight: 1, endpoints: endpoints(2, (backend) => backend === 1 ? { health: "UNHEALTHY" } : {}) },
      { zone: "b", weight: 1, endpoints: endpoints(1, () => ({}), 2) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN", commonLbConfig: BY_LOCALITY },
    // 0.7 against 1.
    shares: [7, 0, 10],
  },
};

Deno.test("Endpoints get the shares Envoy gives them", async (t) => {
  await using backends = startBackends(6);
  const clusters = Object.entries(SHARED).map(([name, { localities, settings }]) =>
    testCluster(name, backends.ports, localities, settings)
  );
  await using envoy = await EnvoySide.start(clusters);
  const enmesh = new EnmeshSide(clusters, backends.ports, SEED);
  for (const [name, { shares, exact = false }] of Object.entries(SHARED)) {
    await t.step(name, async () => {
      const total = shares.reduce((a, b) => a + b, 0);
      const picks = Math.ceil(400 / total) * total;
      for (const [side, by] of [["Envoy", envoy], ["enmesh", enmesh]] as const) {
        const counts = new Array<number>(shares.length).fill(0);
        for (let i = 0; i < picks; i++) counts[(await by.pick(name))!]!++;
        if (!exact) assertShares(counts, shares.map((share) => share / total), `${side}, ${name}`);
        for (const [index, each] of counts.entries()) {
          // A run begins anywhere in a cycle: at most a turn of the host is missing or too many.
          const fair = picks * shares[index]! / total;
          if (exact) assert.ok(Math.abs(each - fair) <= shares[index]! + 1, `${side}: ${each} for ${fair} (${index})`);
        }
      }
    });
  }
});

const SUBSETS = {
  fallbackPolicy: "ANY_ENDPOINT",
  subsetSelectors: [
    { keys: ["version"] },
    { keys: ["version", "stage"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["version"] },
    { keys: ["stage"], fallbackPolicy: "NO_FALLBACK" },
  ],
};
const SUBSET_CLUSTERS: Record<string, object> = {
  "any endpoint": SUBSETS,
  "no fallback": { ...SUBSETS, fallbackPolicy: "NO_FALLBACK" },
  "default subset": {
    ...SUBSETS,
    fallbackPolicy: "DEFAULT_SUBSET",
    defaultSubset: { version: "v2" },
  },
  "lists as any": { ...SUBSETS, listAsAny: true },
  "list of fallbacks": { ...SUBSETS, fallbackPolicy: "NO_FALLBACK", metadataFallbackPolicy: "FALLBACK_LIST" },
};
const WANTED: Record<string, Record<string, string | object[]> | null> = {
  none: null,
  v1: { version: "v1" },
  "v2 prod": { version: "v2", stage: "prod" },
  "v1 nowhere": { version: "v1", stage: "nowhere" },
  prod: { stage: "prod" },
  nowhere: { stage: "nowhere" },
  "other key": { color: "blue" },
  redundant: { version: "v1", color: "blue" },
  "fallback list": { stage: "nowhere", fallback_list: [{ version: "v9" }, { stage: "prod" }] },
};

Deno.test("Subsets are those of Envoy, with all that falls back", async (t) => {
  await using backends = startBackends(6);
  const localities = flat(6, (backend) => ({
    labels: [
      { version: "v1", stage: "prod" },
      { version: "v1", stage: "test" },
      { version: "v2", stage: "prod" },
      { version: "v2", stage: "test" },
      { version: ["v1", "v3"] },
      {},
    ][backend]! as Record<string, string | string[]>,
  }));
  const clusters = Object.entries(SUBSET_CLUSTERS).map(([name, config]) => {
    const { defaultSubset, ...rest } = config as { defaultSubset?: Record<string, string> };
    const wanted = defaultSubset === undefined ? {} : { defaultSubset: new Struct(defaultSubset) };
    return testCluster(name, backends.ports, localities, { lbSubsetConfig: { ...rest, ...wanted } });
  });
  const routes = Object.entries(WANTED).map(([name, wanted]) => ({
    match: { prefix: "/", headers: [{ name: "x-wanted", string_match: { exact: name } }] },
    route: {
      cluster_header: "x-cluster",
      ...(wanted === null ? {} : { metadata_match: { filter_metadata: { "envoy.lb": wanted } } }),
    },
  }));
  await using envoy = await EnvoySide.start(clusters, { routes });
  const enmesh = new EnmeshSide(clusters, backends.ports, SEED);
  for (const cluster of Object.keys(SUBSET_CLUSTERS)) {
    for (const [name, wanted] of Object.entries(WANTED)) {
      await t.step(`${cluster}: ${name}`, async () => {
        const ask: Ask = {
          headers: { "x-wanted": name },
          ...(wanted === null ? {} : { subset: wanted as NonNullable<Ask["subset"]> }),
        };
        const [theirs, ours] = [new Set<number | null>(), new Set<number | null>()];
        for (let i = 0; i < 14; i++) {
          theirs.add(await envoy.pick(cluster, ask));
          ours.add(await enmesh.pick(cluster, ask));
        }
        assert.deepEqual([...ours].sort(), [...theirs].sort());
      });
    }
  }
});

Deno.test("A session begun at Envoy goes on here, and back", async (t) => {
  await using backends = startBackends(5);
  const clusters = [testCluster("backend", backends.ports, flat(5), {})];
  const cookie = (ttl: number) => ({
    name: "envoy.filters.http.stateful_session",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
      session_state: {
        name: "envoy.http.stateful_session.cookie",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
          cookie: { name: "session", path: "/", ...(ttl === 0 ? {} : { ttl: `${ttl}s` }) },
        },
      },
      strict: true,
    },
  });
  const asked = (headers: HeaderList) => ({ headers }) as HttpRequest;
  for (const ttl of [0, 120]) {
    await t.step(`cookie, ${ttl} s`, async () => {
      await using envoy = await EnvoySide.start(clusters, { filters: [cookie(ttl)] });
      const own = new CookieSession({ name: "session", path: "/", ttlSeconds: ttl });
      for (let i = 0; i < 5; i++) {
        const first = await envoy.fetch("backend");
        const set = first.headers.get("set-cookie")!;
        const address = `127.0.0.1:${backends.ports[Number(first.body)]}`;
        const [pair] = set.split(";");
        assert.equal(own.read(asked(new HeaderList(["cookie", pair!])), Date.now()), address, set);
        // Ours is theirs to the letter, but for the expiry, which counts on another clock.
        const headers = new HeaderList();
        own.write(headers, address, Date.now());
        const written = headers.get("set-cookie")!;
        if (ttl === 0) assert.equal(written, set);
        assert.equal(written.slice(written.indexOf(";")), set.slice(set.indexOf(";")));
        for (const value of [pair!, written.split(";")[0]!]) {
          const again = await envoy.fetch("backend", { headers: { cookie: value } });
          assert.equal(again.body, first.body);
          assert.equal(again.headers.has("set-cookie"), false);
        }
      }
      const gone = new HeaderList();
      own.write(gone, "127.0.0.1:1", Date.now());
      const strict = await envoy.fetch("backend", { headers: { cookie: gone.get("set-cookie")!.split(";")[0]! } });
      assert.equal(strict.status, 503);
    });
  }
  await t.step("header", async () => {
    await using envoy = await EnvoySide.start(clusters, {
      filters: [{
        name: "envoy.filters.http.stateful_session",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
          session_state: {
            name: "envoy.http.stateful_session.header",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
              name: "x-session",
            },
          },
        },
      }],
    });
    const own = new HeaderSession("x-session");
    const first = await envoy.fetch("backend");
    const address = `127.0.0.1:${backends.ports[Number(first.body)]}`;
    const value = first.headers.get("x-session")!;
    assert.equal(own.read(asked(new HeaderList(["x-session", value]))), address);
    const headers = new HeaderList();
    own.write(headers, address);
    assert.equal(headers.get("x-session"), value);
    const again = await envoy.fetch("backend", { headers: { "x-session": value } });
    assert.equal(again.body, first.body);
  });
});
