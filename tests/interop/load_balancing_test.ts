/** Hosts are chosen as a real Envoy chooses them: the same clusters, the same keys, the same endpoints. */
import assert from "node:assert/strict";
import { CookieSession, HeaderSession } from "../../lib/filter/session_state.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import { parseCluster } from "../../lib/resource/parse_cluster.ts";
import { clusterBytes, Struct } from "./load_balancing/dual.ts";
import { endpoints, flat, testCluster } from "./load_balancing/clusters.ts";
import { JUDGED, STRICTER } from "./load_balancing/judged.ts";
import { KEYED } from "./load_balancing/keyed.ts";
import { SHARED } from "./load_balancing/shared.ts";
import { type Ask, EnmeshSide, EnvoySide, startBackends } from "./load_balancing/rig.ts";
import { until } from "../support/until.ts";
import { assertShares } from "../load_balancer/statistics.ts";

const BACKENDS = 20;
const KEYS = 300;
const SEED = 20_240_611;

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

Deno.test("Bounded loads: what a busy host cannot take goes where Envoy sends it", async (t) => {
  for (const lbPolicy of ["RING_HASH", "MAGLEV"]) {
    await t.step(lbPolicy, async () => {
      await using backends = startBackends(7);
      const settings = {
        lbPolicy,
        commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: { value: 130 } } },
      };
      const clusters = [testCluster("backend", backends.ports, flat(7, (i) => ({ weight: 1 + i % 3 })), settings)];
      await using envoy = await EnvoySide.start(clusters);
      const enmesh = new EnmeshSide(clusters, backends.ports, SEED);
      const ours: (number | null)[] = [];
      const answers: Promise<unknown>[] = [];
      for (let i = 0; i < 30; i++) {
        const key = `key-${i % 3}`;
        answers.push(envoy.fetch("backend", { key, headers: { "x-hold": "1" } }));
        await until(`request ${i} to arrive`, () => backends.held.length === i + 1);
        ours.push(await enmesh.hold("backend", { key }));
      }
      backends.release();
      await Promise.all(answers);
      assert.deepEqual(ours, backends.held);
      assert.ok(new Set(ours).size > 3);
    });
  }
});

Deno.test("Zones: what stays in the zone of the caller is what stays with Envoy", async (t) => {
  const place = (zone: string, from: number, count: number) => ({
    zone,
    endpoints: endpoints(count, () => ({}), from),
  });
  // Of the callers 40, 40 and 20 % are in each zone.
  const callers = (backends: readonly number[]) =>
    testCluster("local", backends, [place("a", 0, 2), place("b", 2, 2), place("c", 4, 1)], {});
  const cases = {
    "a share that fits": { localities: [place("b", 4, 4), place("a", 0, 4)], shares: { a: 1 } },
    "a part of it": {
      localities: [place("c", 6, 2), place("a", 0, 2), place("b", 2, 4)],
      // 62.5 % stay, the rest goes by the room of 10 and 5 %.
      shares: { a: 0.625, b: 0.25, c: 0.125 },
    },
    "too few hosts": { localities: [place("a", 0, 2), place("b", 2, 2)], shares: { a: 0.5, b: 0.5 } },
  } as const;
  for (const [name, { localities, shares }] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using backends = startBackends(8);
      const clusters = [
        callers(backends.ports),
        testCluster("backend", backends.ports, localities, { lbPolicy: "RANDOM" }),
      ];
      await using envoy = await EnvoySide.start(clusters, {
        bootstrap: {
          node: { id: "n", cluster: "local", locality: { region: "r", zone: "a" } },
          cluster_manager: { local_cluster_name: "local" },
        },
      });
      const enmesh = new EnmeshSide(clusters, backends.ports, SEED, "a");
      const zoneOf = (backend: number) =>
        localities.find(({ endpoints }) => endpoints.some((each) => each.backend === backend))!.zone;
      for (const [side, by] of [["Envoy", envoy], ["enmesh", enmesh]] as const) {
        const zones = ["a", "b", "c"];
        const counts = zones.map(() => 0);
        for (let i = 0; i < 800; i++) counts[zones.indexOf(zoneOf((await by.pick("backend"))!))]!++;
        assertShares(counts, zones.map((zone) => (shares as Record<string, number>)[zone] ?? 0), `${side}, ${name}`);
      }
    });
  }
});
