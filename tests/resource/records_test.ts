/** What admin pages are told of the store: versions, what waits, what was refused. */
import assert from "node:assert/strict";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { encode, type MessageName } from "../../lib/protobuf/registry.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { filterParsers } from "../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../lib/filters.ts";

const clock = new FakeClock(Date.UTC(2026, 0, 1));

function newStore(): SnapshotStore {
  return new SnapshotStore({ parsers: filterParsers(FILTERS, new Set()), clientNamespace: "default", clock });
}

const bytes = encode as (name: MessageName, message: object) => Uint8Array;
const cluster = (name: string, rest: object = { type: "STATIC" }) =>
  [name, bytes("envoy.config.cluster.v3.Cluster", { name, connectTimeout: { seconds: 1 }, ...rest })] as const;
const update = (version: string, ...changed: (readonly [string, Uint8Array])[]) => ({
  changed: new Map(changed),
  removed: [],
  version,
});

Deno.test("a resource keeps the version it came with until its bytes change", () => {
  const store = newStore();
  assert.equal(store.records.lastUpdate("cluster"), null);
  store.apply("cluster", update("v1", cluster("a"), cluster("b")));
  store.apply("cluster", update("v2", cluster("a"), cluster("b", { type: "STATIC", altStatName: "x" })));
  const versions = Array.from(store.records.list("cluster"), ({ name, active }) => [name, active?.stamp.version]);
  assert.deepEqual(versions, [["a", "v1"], ["b", "v2"]]);
  assert.deepEqual(store.records.lastUpdate("cluster"), { version: "v2", at: clock.now() });
});

Deno.test("what waits for its endpoints is warming, beside the former version", () => {
  const store = newStore();
  store.apply("cluster", update("v1", cluster("a")));
  store.apply("cluster", update("v2", cluster("a", { type: "EDS", edsClusterConfig: { edsConfig: { ads: {} } } })));
  const [record] = store.records.list("cluster");
  assert.equal(record!.active?.stamp.version, "v1");
  assert.equal(record!.warming?.stamp.version, "v2");
  assert.equal(record!.failure, null);
  store.close();
});

Deno.test("what was refused is remembered with every reason until a good version comes, or it goes", () => {
  const store = newStore();
  const bad = cluster("a", { type: 77, connectTimeout: { seconds: -1 } });
  const [report] = store.apply("cluster", update("v1", bad));
  const [record] = store.records.list("cluster");
  assert.deepEqual(record!.failure?.errors, report!.errors);
  assert.ok(report!.errors.length >= 2, report!.errors.join());
  assert.deepEqual(record!.failure?.bytes, new Uint8Array(bad[1]));
  assert.equal(record!.active, null);
  store.apply("cluster", update("v2", cluster("a")));
  store.apply("cluster", update("v3", bad));
  const [again] = store.records.list("cluster");
  assert.equal(again!.active?.stamp.version, "v2");
  assert.equal(again!.failure?.stamp.version, "v3");
  store.apply("cluster", update("v4", cluster("a")));
  assert.equal([...store.records.list("cluster")][0]!.failure, null);
  store.apply("cluster", update("v5", bad));
  store.apply("cluster", { changed: new Map(), removed: ["a"] });
  assert.deepEqual([...store.records.list("cluster")], []);
});

Deno.test("a control plane that sends nothing but rubbish does not fill the memory", () => {
  const store = newStore();
  const rubbish = Array.from({ length: 3000 }, (_, i) => cluster(`c${i}`, { type: 77 }));
  assert.equal(store.apply("cluster", update("v1", ...rubbish)).length, 3000);
  assert.equal([...store.records.list("cluster")].length, 1000);
});
