/**
 * Equal outcomes: a table of requests goes to the same place in the same way under what a real istiod sent and under
 * what FakeIstiod generates from the same objects. The mesh's own code decides both.
 */
import assert from "node:assert/strict";
import { filterParsers } from "../../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../../lib/filters.ts";
import { decode } from "../../../lib/protobuf/registry.ts";
import { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";
import type { ResourceKind } from "../../../lib/resource/snapshot.ts";
import { assertSameOutcomes } from "../../support/outcomes.ts";
import { LEFT_OUT } from "./accepted_differences.ts";
import { generatedBytes, ROOT } from "./recording.ts";

const KINDS = { CDS: "cluster", EDS: "endpoint", LDS: "listener", RDS: "route", NDS: "nameTable" } as const;
type Short = keyof typeof KINDS;

interface Node {
  readonly scenario: string;
  readonly node: string;
  readonly namespace: string;
}

function storeOf({ namespace }: Node, resources: (type: Short) => Map<string, Uint8Array>): SnapshotStore {
  const store = new SnapshotStore({ parsers: filterParsers(FILTERS, new Set()), clientNamespace: namespace });
  for (const [type, kind] of Object.entries(KINDS) as [Short, ResourceKind][]) {
    const refused = store.apply(kind, { changed: resources(type), removed: [] }).filter(({ applied }) => !applied);
    assert.deepEqual(refused, []);
  }
  assert.equal(store.ready, true, "the configuration is not complete");
  return store;
}

function recordedBytes({ scenario, node }: Node, type: Short): Map<string, Uint8Array> {
  const resources = new Map<string, Uint8Array>();
  const folder = new URL(`${scenario}/${node}/`, ROOT);
  for (const file of Deno.readDirSync(folder)) {
    if (!file.name.endsWith(`-${type}.binpb`)) continue;
    const response = decode(
      "envoy.service.discovery.v3.DeltaDiscoveryResponse",
      Deno.readFileSync(new URL(file.name, folder)),
    );
    for (const { name, resource } of response.resources ?? []) {
      resources.set(name ?? "", resource?.value ?? new Uint8Array());
    }
  }
  return resources;
}

for (
  const node of [
    { scenario: "basic", node: "sleep", namespace: "default" },
    { scenario: "basic", node: "httpbin", namespace: "default" },
    { scenario: "basic", node: "cart", namespace: "shop" },
    { scenario: "tls-modes", node: "sleep", namespace: "default" },
    { scenario: "tls-modes", node: "httpbin", namespace: "default" },
  ] satisfies Node[]
) {
  Deno.test(`${node.scenario}/${node.node}: the fake's output has the outcomes of the recording`, async () => {
    const theirs = storeOf(node, (type) => recordedBytes(node, type));
    const ours = storeOf(node, (type) => generatedBytes(node.scenario, node.node, type, LEFT_OUT[node.scenario]!));
    try {
      await assertSameOutcomes(ours, theirs);
    } finally {
      theirs.close();
      ours.close();
    }
  });
}
