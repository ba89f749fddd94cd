import assert from "node:assert/strict";
import { filterParsers } from "../../../lib/filter/filter_registry.ts";
import { FILTERS } from "../../../lib/filters.ts";
import { jsonToStruct } from "../../../lib/protobuf/well_known.ts";
import type { ResourceKind } from "../../../lib/resource/snapshot.ts";
import { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";
import { generate, TYPE } from "../../../lib/testing/generate/generator.ts";
import { MeshView } from "../../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { parseProxyNode, type ProxyNode } from "../../../lib/testing/proxy_node.ts";
import { ServiceMemory } from "../../../lib/testing/service_memory.ts";
import { readRecording, type RecordedUpdate } from "../recording.ts";

const ROOT = new URL("../../../../shared/xds/", import.meta.url);

/** A client's configuration, empty. */
export function openStore(namespace: string, skipFilters: readonly string[] = []): SnapshotStore {
  return new SnapshotStore({ parsers: filterParsers(FILTERS, new Set(skipFilters)), clientNamespace: namespace });
}

/** A recording by step, in order; what came first is `initial`. */
export function recordedSteps(recording: string): { namespace: string; steps: Map<string, RecordedUpdate[]> } {
  const { namespace, updates } = readRecording(recording);
  const steps = new Map<string, RecordedUpdate[]>();
  for (const update of updates) {
    const known = steps.get(update.step);
    if (known === undefined) steps.set(update.step, [update]);
    else known.push(update);
  }
  return { namespace, steps };
}

/** Applies what a control plane sent: nothing is refused, and only what is expected is reported. */
export function applyUpdates(
  store: SnapshotStore,
  updates: readonly RecordedUpdate[],
  reports: readonly string[],
): void {
  for (const { file, kind, update } of updates) {
    for (const { name, applied, errors } of store.apply(kind, update)) {
      assert.equal(applied, true, `${file}: '${name}' is refused: ${errors.join("; ")}`);
      for (const error of errors) {
        assert.ok(reports.some((report) => error.includes(report)), `${file}: '${name}' reports: ${error}`);
      }
    }
  }
}

const KINDS: readonly (readonly [ResourceKind, string])[] = [
  ["cluster", TYPE.cluster],
  ["endpoint", TYPE.endpoint],
  ["listener", TYPE.listener],
  ["route", TYPE.route],
  ["extension", TYPE.extension],
  ["nameTable", TYPE.nameTable],
];

/** FakeIstiod with the objects of a scenario, and a client of it. */
export class FakeScenario {
  readonly store: SnapshotStore;
  readonly #objects = new ObjectStore();
  readonly #memory = new ServiceMemory();
  readonly #node: ProxyNode;
  readonly #registryOnly: boolean;
  readonly #without: RegExp;
  readonly #reports: readonly string[];

  /**
   * @param recording `SCENARIO/NODE`, for the node.
   * @param without Documents to leave out.
   * @param reports What the client may report: parts of the reports.
   */
  constructor(recording: string, without: RegExp, registryOnly = false, reports: readonly string[] = []) {
    const { nodeInfo } = JSON.parse(Deno.readTextFileSync(new URL(`${recording}/manifest.json`, ROOT)));
    this.#node = parseProxyNode({ id: nodeInfo.id, metadata: jsonToStruct(nodeInfo.metadata) });
    this.#registryOnly = registryOnly;
    this.#without = without;
    this.#reports = reports;
    this.store = openStore(this.#node.namespace);
  }

  /** Applies or deletes the documents of a file of the scenario. */
  change(action: "apply" | "delete", file: string): void {
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    const documents = text.split(/^---$/m).filter((document) =>
      document.trim() !== "" && !this.#without.test(document)
    );
    for (const document of documents) this.#objects[action](document);
  }

  /** Pushes everything that has changed to the client, as a full push does. */
  push(): void {
    const view = new MeshView(this.#objects, {
      trustDomain: "cluster.local",
      domain: "cluster.local",
      rootNamespace: "istio-system",
      outboundTrafficPolicy: this.#registryOnly ? "REGISTRY_ONLY" : "ALLOW_ANY",
      clusterId: "Kubernetes",
    }, this.#memory);
    for (const [kind, type] of KINDS) {
      const names = isReferenced(kind) ? this.store.wanted(kind) : [];
      const resources = generate({ view, node: this.#node }, type, names)!;
      const changed = new Map(resources.map(({ name, value }) => [name, value]));
      const full = kind === "cluster" || kind === "listener";
      for (const { name, errors } of this.store.apply(kind, { changed, removed: [], full })) {
        const unexpected = errors.filter((error) => !this.#reports.some((report) => error.includes(report)));
        assert.deepEqual(unexpected, [], `the fake's '${name}'`);
      }
    }
  }
}

function isReferenced(kind: ResourceKind): kind is "endpoint" | "route" | "extension" {
  return kind === "endpoint" || kind === "route" || kind === "extension";
}

/** The folder of a scenario's configuration, `SCENARIO/config/`, with the files in the order they are applied. */
export function configFiles(scenario: string): string[] {
  const folder = `${scenario}/config/`;
  return [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => name).filter((name) => name !== "mesh.yaml")
    .sort((a, b) => Number(b.startsWith("kube")) - Number(a.startsWith("kube"))).map((name) => `${folder}${name}`);
}

/** The files of a sequence's steps by step, in order. */
export function stepFiles(scenario: string): Map<string, string> {
  const folder = `${scenario}/steps/`;
  const names = [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => name).sort();
  return new Map(names.map((name) => [name.replace(/\.yaml$/, ""), `${folder}${name}`]));
}
