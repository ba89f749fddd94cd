import assert from "node:assert/strict";
import { encode } from "../../lib/protobuf/registry.ts";
import type { EnvoyConfigClusterV3Cluster, EnvoyConfigListenerV3Listener } from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import type { ResourceKind, SnapshotChange } from "../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import type { SnapshotStoreOptions } from "../../lib/resource/snapshot_store_options.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

const ADS = { ads: {} };

function storeOf(options: Partial<SnapshotStoreOptions> = {}) {
  const clock = new FakeClock();
  const store = new SnapshotStore({ parsers: NO_FILTER_PARSERS, clientNamespace: "default", clock, ...options });
  const put = (kind: ResourceKind, name: string, bytes: Uint8Array) =>
    store.apply(kind, { changed: new Map([[name, bytes]]), removed: [] });
  const remove = (kind: ResourceKind, ...removed: string[]) => store.apply(kind, { changed: new Map(), removed });
  return { store, clock, put, remove };
}

function cluster(name: string, fields: EnvoyConfigClusterV3Cluster = {}): Uint8Array {
  const eds: EnvoyConfigClusterV3Cluster = { type: "EDS", edsClusterConfig: { edsConfig: ADS } };
  return encode("envoy.config.cluster.v3.Cluster", { name, ...eds, ...fields });
}

function endpoints(clusterName: string, ...ports: number[]): Uint8Array {
  return encode("envoy.config.endpoint.v3.ClusterLoadAssignment", {
    clusterName,
    endpoints: [{
      lbEndpoints: ports.map((portValue) => ({
        endpoint: { address: { socketAddress: { address: "10.0.0.1", portValue } } },
      })),
    }],
  });
}

function listener(name: string, rds: string, fields: EnvoyConfigListenerV3Listener = {}): Uint8Array {
  const manager = packAny("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    statPrefix: name,
    rds: { routeConfigName: rds, configSource: ADS },
  });
  return encode("envoy.config.listener.v3.Listener", {
    name,
    trafficDirection: "OUTBOUND",
    address: { socketAddress: { address: "0.0.0.0", portValue: 80 } },
    filterChains: [{ filters: [{ name: "http", typedConfig: manager }] }],
    ...fields,
  });
}

function route(name: string, ...domains: string[]): Uint8Array {
  return encode("envoy.config.route.v3.RouteConfiguration", {
    name,
    virtualHosts: domains.map((domain) => ({ name: domain, domains: [domain] })),
  });
}

const MALFORMED = new Uint8Array([0x0a, 0xff]);

Deno.test("A new cluster is visible once its endpoints have come", () => {
  const { store, put } = storeOf();
  assert.deepEqual(put("cluster", "a", cluster("a", { edsClusterConfig: { edsConfig: ADS, serviceName: "svc" } })), []);
  assert.equal(store.current.cluster("a"), null);
  assert.deepEqual([...store.wanted("endpoint")], ["svc"]);
  put("endpoint", "svc", endpoints("svc", 1));
  assert.equal(store.current.cluster("a")?.edsServiceName, "svc");
  assert.equal(store.current.endpoints("svc")?.localities[0]?.endpoints[0]?.port, 1);
});

Deno.test("A cluster that needs no endpoints is visible at once, and wants none", () => {
  const { store, put } = storeOf();
  put("cluster", "a", cluster("a", { type: "STATIC" }));
  assert.equal(store.current.cluster("a")?.type, "static");
  assert.equal(store.wanted("endpoint").size, 0);
});

Deno.test("A changed cluster keeps its former version until its endpoints are sent again, the same bytes or not", () => {
  const { store, put } = storeOf();
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  const former = store.current.cluster("a");
  put("cluster", "a", cluster("a", { connectTimeout: { seconds: 1 } }));
  assert.equal(store.current.cluster("a"), former);
  assert.equal(store.current.endpoints("a")?.localities[0]?.endpoints.length, 1, "endpoints stay meanwhile");
  put("endpoint", "a", endpoints("a", 1));
  assert.equal(store.current.cluster("a")?.connectTimeoutMs, 1_000);
});

Deno.test("A changed cluster does not wait for ever where endpoints are known and not sent again", async () => {
  const { store, clock, put } = storeOf({ resendWaitMs: 5_000 });
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  assert.equal(clock.pendingTimers, 0, "a new cluster waits for as long as it takes");
  put("cluster", "a", cluster("a", { connectTimeout: { seconds: 1 } }));
  await clock.advance(4_999);
  assert.equal(store.current.cluster("a")?.connectTimeoutMs, 5_000);
  await clock.advance(1);
  assert.equal(store.current.cluster("a")?.connectTimeoutMs, 1_000);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("close() stops the timer", () => {
  const { store, clock, put } = storeOf();
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  put("cluster", "a", cluster("a", { connectTimeout: { seconds: 1 } }));
  assert.equal(clock.pendingTimers, 1);
  store.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("A change that is taken back while it waits leaves the former version as it was", () => {
  const { store, clock, put } = storeOf();
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  const former = store.current.cluster("a");
  put("cluster", "a", cluster("a", { connectTimeout: { seconds: 1 } }));
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  assert.equal(store.current.cluster("a"), former);
  store.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("A listener is visible once its routes have come; a changed one keeps its former version until then", () => {
  const { store, put } = storeOf();
  put("listener", "l", listener("l", "80"));
  assert.equal(store.current.listener("l"), null);
  assert.deepEqual([...store.wanted("route")], ["80"]);
  put("route", "80", route("80", "*"));
  const former = store.current.listener("l");
  assert.equal(former?.name, "l");
  put("listener", "l", listener("l", "81"));
  assert.equal(store.current.listener("l"), former);
  assert.deepEqual([...store.wanted("route")].sort(), ["80", "81"]);
  put("route", "81", route("81", "*"));
  assert.notEqual(store.current.listener("l"), former);
  assert.deepEqual([...store.wanted("route")], ["81"]);
  assert.equal(store.current.route("80"), null, "what nothing refers to is forgotten");
});

Deno.test("Ready: clusters and listeners came, and everything they refer to", async () => {
  const { store, put } = storeOf();
  let told = false;
  const ready = store.whenReady().then(() => told = true);
  put("listener", "l", listener("l", "80"));
  put("route", "80", route("80", "*"));
  assert.equal(store.ready, false, "no clusters yet");
  put("cluster", "a", cluster("a"));
  assert.equal(store.ready, false, "no endpoints yet");
  put("endpoint", "a", endpoints("a"));
  assert.equal(store.ready, true);
  await ready;
  assert.equal(told, true);
  put("cluster", "b", cluster("b"));
  assert.equal(store.ready, true, "later changes do not take it back");
});

Deno.test("Ready: empty sets of clusters and listeners are complete", () => {
  const { store, remove } = storeOf();
  remove("cluster");
  assert.equal(store.ready, false);
  remove("listener");
  assert.equal(store.ready, true);
});

Deno.test("A refused resource keeps its last good version, and the rest of the update is applied", () => {
  const { store, put } = storeOf();
  put("cluster", "a", cluster("a", { type: "STATIC" }));
  const good = store.current.cluster("a");
  const reports = store.apply("cluster", {
    changed: new Map([
      ["a", MALFORMED],
      ["b", cluster("b", { type: "STATIC", connectTimeout: { seconds: -1 }, lbPolicy: 77 })],
      ["c", cluster("c", { type: "STATIC" })],
    ]),
    removed: [],
  });
  assert.deepEqual(reports.map(({ name, applied }) => [name, applied]), [["a", false], ["b", false]]);
  assert.match(reports[0]!.errors[0]!, /Cannot read 2 bytes as 'envoy\.config\.cluster\.v3\.Cluster'/);
  assert.equal(reports[1]!.errors.length, 2, "every error of the resource");
  assert.match(reports[1]!.errors.join("\n"), /Cannot use 'connect_timeout': .* current value is '-1s'/);
  assert.match(reports[1]!.errors.join("\n"), /Cannot use 'lb_policy': .* current value is '77'/);
  assert.equal(store.current.cluster("a"), good);
  assert.equal(store.current.cluster("b"), null);
  assert.equal(store.current.cluster("c")?.name, "c");
});

Deno.test("A resource under another's name is refused", () => {
  const { store, put } = storeOf();
  const [report] = put("cluster", "a", cluster("b", { type: "STATIC" }));
  assert.equal(report?.applied, false);
  assert.match(report.errors[0]!, /'a', current value is 'b'/);
  assert.deepEqual(store.current.clusterNames, []);
});

Deno.test("An unusable answer counts as one: what waits for it becomes visible, and fails at that place only", () => {
  const { store, put, remove } = storeOf();
  put("cluster", "a", cluster("a"));
  put("cluster", "b", cluster("b"));
  put("listener", "l", listener("l", "80"));
  assert.equal(put("endpoint", "a", MALFORMED)[0]?.applied, false);
  assert.equal(put("route", "80", MALFORMED)[0]?.applied, false);
  assert.equal(store.ready, false);
  remove("endpoint", "b");
  assert.equal(store.ready, true);
  assert.equal(store.current.cluster("a")?.name, "a");
  assert.equal(store.current.endpoints("a"), null);
  assert.equal(store.current.endpoints("b"), null);
  assert.equal(store.current.route("80"), null);
  put("endpoint", "a", endpoints("a", 1));
  assert.equal(store.current.endpoints("a")?.localities[0]?.endpoints.length, 1);
});

Deno.test("Removal: clusters and listeners go, with what only they referred to", () => {
  const { store, put, remove } = storeOf();
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  put("listener", "l", listener("l", "80"));
  put("route", "80", route("80", "*"));
  remove("cluster", "a");
  remove("listener", "l", "unknown");
  assert.deepEqual(store.current.clusterNames, []);
  assert.deepEqual(store.current.listenerNames, []);
  assert.equal(store.current.endpoints("a"), null);
  assert.equal(store.wanted("endpoint").size + store.wanted("route").size, 0);
  // istiod sends an empty assignment for a service that is gone, while the name is still subscribed.
  put("endpoint", "a", endpoints("a"));
  assert.equal(store.current.endpoints("a"), null, "nothing refers to it, nothing keeps it");
});

Deno.test("Removal: endpoints and routes that are still referred to keep their last good version", () => {
  const { store, put, remove } = storeOf();
  put("cluster", "a", cluster("a"));
  put("endpoint", "a", endpoints("a", 1));
  const known = store.current.endpoints("a");
  remove("endpoint", "a");
  assert.equal(store.current.endpoints("a"), known);
});

Deno.test("Removal: a waiting cluster is dropped with its wish", () => {
  const { store, put, remove } = storeOf();
  put("cluster", "a", cluster("a"));
  remove("cluster", "a");
  assert.equal(store.wanted("endpoint").size, 0);
  remove("listener");
  assert.equal(store.ready, true);
});

Deno.test("State of the world: names that are missing from a full set are gone, the others untouched", () => {
  const { store } = storeOf();
  const a = cluster("a", { type: "STATIC" });
  const changed = new Map([["a", a], ["b", cluster("b", { type: "STATIC" })], ["c", cluster("c")]]);
  store.apply("cluster", { changed, removed: [], full: true });
  const kept = store.current.cluster("a");
  store.apply("cluster", { changed: new Map([["a", a]]), removed: [], full: true });
  assert.deepEqual(store.current.clusterNames, ["a"]);
  assert.equal(store.current.cluster("a"), kept);
  assert.equal(store.wanted("endpoint").size, 0, "the waiting one is gone too");
});

Deno.test("State of the world: a refused resource of a full set is not a removed one", () => {
  const { store } = storeOf();
  const update = (bytes: Uint8Array) => ({ changed: new Map([["a", bytes]]), removed: [], full: true });
  store.apply("cluster", update(cluster("a", { type: "STATIC" })));
  store.apply("cluster", update(MALFORMED));
  assert.equal(store.current.cluster("a")?.name, "a");
});

Deno.test("Objects keep their identity for as long as their bytes are the same", () => {
  const { store, put } = storeOf();
  put("cluster", "a", cluster("a", { type: "STATIC" }));
  const before = store.current;
  const a = before.cluster("a");
  assert.equal(before.cluster("a"), a);
  put("cluster", "b", cluster("b", { type: "STATIC" }));
  assert.notEqual(store.current, before);
  assert.equal(store.current.cluster("a"), a);
});

Deno.test("A snapshot never changes, whatever comes later", () => {
  const { store, put, remove } = storeOf();
  put("cluster", "a", cluster("a", { type: "STATIC" }));
  put("listener", "l", listener("l", "80"));
  put("route", "80", route("80", "*"));
  const before = store.current;
  remove("cluster", "a");
  remove("listener", "l");
  put("cluster", "b", cluster("b", { type: "STATIC" }));
  assert.deepEqual(before.clusterNames, ["a"]);
  assert.equal(before.cluster("a")?.name, "a");
  assert.equal(before.outboundListener("0.0.0.0", 80)?.name, "l");
  assert.equal(before.route("80")?.name, "80");
  assert.deepEqual(store.current.clusterNames, ["b"]);
  assert.ok(store.current.version > before.version);
});

Deno.test("Changes of one turn are told once, with every name", async () => {
  const { store, put, remove } = storeOf();
  const told: SnapshotChange[] = [];
  const stop = store.subscribe((snapshot, change) => {
    assert.equal(snapshot, store.current);
    told.push(change);
  });
  put("cluster", "a", cluster("a"));
  put("cluster", "b", cluster("b", { type: "STATIC" }));
  put("endpoint", "a", endpoints("a", 1));
  put("listener", "l", listener("l", "80"));
  put("route", "80", route("80", "*"));
  put("nameTable", "", encode("istio.networking.nds.v1.NameTable", { table: { "x.test": { ips: ["10.0.0.9"] } } }));
  assert.equal(told.length, 0);
  await Promise.resolve();
  assert.equal(told.length, 1);
  assert.deepEqual([...told[0]!.clusters].sort(), ["a", "b"]);
  assert.deepEqual([...told[0]!.endpoints], ["a"]);
  assert.deepEqual([...told[0]!.listeners], ["l"]);
  assert.deepEqual([...told[0]!.routes], ["80"]);
  assert.equal(told[0]!.nameTable, true);
  assert.deepEqual(store.current.nameTable.lookup("x.test"), ["10.0.0.9"]);
  remove("cluster", "b");
  await Promise.resolve();
  assert.deepEqual([...told[1]!.clusters], ["b"]);
  assert.equal(told[1]!.nameTable, false);
  stop();
  remove("listener", "l");
  await Promise.resolve();
  assert.equal(told.length, 2);
});

Deno.test("A listener of changes that throws does not keep the others from being told", async () => {
  const lines: string[] = [];
  const { store, put } = storeOf({ logger: { log: (_level, message) => lines.push(message) } });
  let told = 0;
  store.subscribe(() => {
    throw new Error("No");
  });
  store.subscribe(() => told++);
  put("cluster", "a", cluster("a", { type: "STATIC" }));
  await Promise.resolve();
  assert.equal(told, 1);
  assert.equal(lines.length, 1);
});

Deno.test("Pushes of the same bytes change nothing, tell nobody, and repeat what is unsupported", async () => {
  const { store, put } = storeOf();
  const bytes = listener("l", "80", { listenerFilters: [{ name: "lab.listener.filter" }] });
  const [first] = put("listener", "l", bytes);
  assert.equal(first?.applied, true);
  assert.match(first.errors[0]!, /Cannot follow 'listener_filters\[0\]': 'lab\.listener\.filter' is not supported/);
  await Promise.resolve();
  const before = store.current;
  store.subscribe(() => assert.fail("nothing changed"));
  const [second] = put("listener", "l", bytes);
  assert.deepEqual(second, first);
  await Promise.resolve();
  assert.equal(store.current, before);
});

Deno.test("Bytes are copied: the response they came in may be reused", () => {
  const { store } = storeOf();
  const bytes = cluster("a", { type: "STATIC" });
  store.apply("cluster", { changed: new Map([["a", bytes]]), removed: [] });
  bytes.fill(0);
  assert.equal(store.current.cluster("a")?.name, "a");
});

Deno.test("Large updates are only decoded; what is invalid otherwise shows at the first use, once, and fails there", () => {
  const lines: string[] = [];
  const { store, put } = storeOf({ thoroughBytes: 10, logger: { log: (_level, message) => lines.push(message) } });
  assert.deepEqual(put("cluster", "a", cluster("a", { type: "STATIC", connectTimeout: { seconds: -1 } })), []);
  assert.equal(put("cluster", "b", MALFORMED)[0]?.applied ?? false, false);
  assert.deepEqual(store.current.clusterNames, ["a"]);
  assert.deepEqual(lines, []);
  assert.equal(store.current.cluster("a"), null);
  assert.equal(store.current.cluster("a"), null);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /Cannot use cluster 'a': Cannot use 'connect_timeout'/);
});

Deno.test("Large updates: listeners are still read completely, since their policies and routes matter at once", () => {
  const { store, put } = storeOf({ thoroughBytes: 10 });
  assert.equal(put("listener", "l", listener("l", ""))[0]?.applied, false);
  put("listener", "m", listener("m", "80"));
  assert.deepEqual([...store.wanted("route")], ["80"]);
});

Deno.test("Outbound listeners are found by address, however it is written", () => {
  const { store, put } = storeOf();
  const at = (address: string, portValue: number) => ({ address: { socketAddress: { address, portValue } } });
  put("route", "r", route("r", "*"));
  put("listener", "a", listener("a", "r", at("10.0.0.1", 80)));
  put("listener", "b", listener("b", "r", { ...at("2001:db8:0:0::1", 80), additionalAddresses: [at("10.0.0.2", 80)] }));
  put("listener", "in", listener("in", "r", { ...at("10.0.0.3", 80), trafficDirection: "INBOUND" }));
  const { current } = store;
  assert.equal(current.outboundListener("10.0.0.1", 80)?.name, "a");
  assert.equal(current.outboundListener("10.0.0.1", 81), null);
  assert.equal(current.outboundListener("2001:db8::1", 80)?.name, "b");
  assert.equal(current.outboundListener("10.0.0.2", 80)?.name, "b");
  assert.equal(current.outboundListener("10.0.0.3", 80), null);
  assert.equal(current.outboundListener("not an address", 80), null);
});

Deno.test("Endpoints that come before clusters are kept until it is known who needs them", () => {
  const { store, put } = storeOf();
  put("endpoint", "a", endpoints("a", 1));
  put("endpoint", "x", endpoints("x", 1));
  put("cluster", "a", cluster("a"));
  assert.equal(store.current.cluster("a")?.name, "a");
  assert.equal(store.current.endpoints("x"), null);
});

Deno.test("The wanted set stays the same object while its names do", () => {
  const { store, put } = storeOf();
  put("cluster", "a", cluster("a"));
  const wanted = store.wanted("endpoint");
  put("cluster", "b", cluster("b", { type: "STATIC" }));
  assert.equal(store.wanted("endpoint"), wanted);
});
