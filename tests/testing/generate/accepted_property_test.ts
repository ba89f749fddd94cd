import assert from "node:assert/strict";
import fc from "fast-check";
import { filterParsers } from "../../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../../lib/filters.ts";
import type { ResourceKind } from "../../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";
import { generate, TYPE } from "../../../lib/testing/generate/generator.ts";
import { Generated, service, SLEEP } from "./generated.ts";
import { networkingObjects } from "./networking_objects.ts";

const KINDS: readonly (readonly [ResourceKind, string])[] = [
  ["cluster", TYPE.cluster],
  ["endpoint", TYPE.endpoint],
  ["listener", TYPE.listener],
  ["route", TYPE.route],
  ["nameTable", TYPE.nameTable],
];

Deno.test("whatever a VirtualService and a DestinationRule say, the client takes what becomes of it without a complaint", () => {
  const services = [service("a", ["http:80", "grpc:81", "tcp:82"]), service("bb", ["http:80", "x:83"])];
  fc.assert(
    fc.property(networkingObjects, (objects) => {
      const { view } = new Generated([...services, ...objects.map((object) => JSON.stringify(object))]);
      const store = new SnapshotStore({ parsers: filterParsers(FILTERS, new Set()), clientNamespace: "default" });
      for (const [kind, type] of KINDS) {
        const names = kind === "endpoint" || kind === "route" ? store.wanted(kind) : [];
        const resources = generate({ view, node: SLEEP }, type, names)!;
        const changed = new Map(resources.map(({ name, value }) => [name, value]));
        for (const { name, errors } of store.apply(kind, { changed, removed: [] })) assert.deepEqual(errors, [], name);
      }
      assert.equal(store.ready, true);
      store.close();
    }),
    { numRuns: 200 },
  );
});
