import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Extension } from "./extension.ts";
import type { FailureLog } from "./failure_log.ts";
import type { Listener } from "./listener.ts";
import type { ListenerVersion } from "./listener_view.ts";
import type { ResourceRecord, StoredBytes } from "./resource_record.ts";
import type { ResourceTable } from "./resource_table.ts";
import type { ResourceVersion } from "./resource_version.ts";
import type { RouteConfiguration } from "./route.ts";
import type { ResourceKind } from "./snapshot.ts";
import type { ClusterVersion } from "./stored_snapshot.ts";
import type { UpdateStamp } from "./update_stamp.ts";

/** Kinds of resource that have records. */
export type RecordKind = "cluster" | "endpoint" | "listener" | "route" | "extension";

/** The store's own tables. */
export interface RecordTables {
  readonly clusters: ResourceTable<ClusterVersion>;
  readonly endpoints: ResourceTable<ResourceVersion<ClusterLoadAssignment>>;
  readonly routes: ResourceTable<ResourceVersion<RouteConfiguration>>;
  readonly extensions: ResourceTable<ResourceVersion<Extension>>;
  readonly listeners: ResourceTable<ListenerVersion>;
  readonly warmingClusters: ReadonlyMap<string, { readonly version: ClusterVersion }>;
  readonly warmingListeners: ReadonlyMap<string, ListenerVersion>;
  readonly failures: Readonly<Record<ResourceKind, FailureLog>>;
  readonly stamps: ReadonlyMap<ResourceKind, UpdateStamp>;
}

/** What a store holds, as admin pages show it: also what is warming, and what was refused. */
export class RecordView {
  readonly #tables: RecordTables;

  /** @param tables They are read at the moment they are asked for. */
  constructor(tables: RecordTables) {
    this.#tables = tables;
  }

  /** The last update of a kind; `null` before the first one. */
  lastUpdate(kind: ResourceKind): UpdateStamp | null {
    return this.#tables.stamps.get(kind) ?? null;
  }

  /** Everything that is held of a kind. The configuration may change while the list is read. */
  *list(kind: RecordKind): Generator<ResourceRecord> {
    const { warmingClusters, warmingListeners } = this.#tables;
    const failures = this.#tables.failures[kind];
    const waiting = kind === "cluster" ? warmingClusters.keys() : kind === "listener" ? warmingListeners.keys() : [];
    for (const name of new Set([...this.#names(kind), ...waiting, ...failures.names()])) {
      const warming = kind === "cluster"
        ? warmingClusters.get(name)?.version.resource
        : kind === "listener"
        ? warmingListeners.get(name)?.resource
        : undefined;
      yield { name, active: this.active(kind, name), warming: warming ?? null, failure: failures.get(name) };
    }
  }

  /** A resource in use, not kept expanded by this: admin pages go through thousands that nobody else uses. */
  peek(kind: "cluster", name: string): Cluster | null;
  peek(kind: "endpoint", name: string): ClusterLoadAssignment | null;
  peek(kind: "listener", name: string): Listener | null;
  peek(kind: "cluster" | "endpoint" | "listener", name: string): Cluster | ClusterLoadAssignment | Listener | null {
    const { clusters, endpoints, listeners } = this.#tables;
    switch (kind) {
      case "cluster":
        return clusters.get(name)?.resource.peek() ?? null;
      case "endpoint":
        return endpoints.get(name)?.peek() ?? null;
      case "listener":
        return listeners.get(name)?.resource.peek() ?? null;
    }
  }

  /** A resource in use, as it came; `null` where there is none. */
  active(kind: RecordKind, name: string): StoredBytes | null {
    const { clusters, endpoints, extensions, listeners, routes } = this.#tables;
    switch (kind) {
      case "cluster":
        return clusters.get(name)?.resource ?? null;
      case "listener":
        return listeners.get(name)?.resource ?? null;
      case "endpoint":
        return endpoints.get(name) ?? null;
      case "route":
        return routes.get(name) ?? null;
      case "extension":
        return extensions.get(name) ?? null;
    }
  }

  #names(kind: RecordKind): Iterable<string> {
    const { clusters, endpoints, extensions, listeners, routes } = this.#tables;
    const tables = {
      cluster: clusters,
      endpoint: endpoints,
      extension: extensions,
      listener: listeners,
      route: routes,
    };
    return tables[kind].names();
  }
}
