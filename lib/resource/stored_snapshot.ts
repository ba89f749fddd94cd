import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Extension } from "./extension.ts";
import type { Listener } from "./listener.ts";
import type { ListenerView } from "./listener_view.ts";
import type { NameTable } from "./name_table.ts";
import { EMPTY_NAME_TABLE } from "./parse_name_table.ts";
import type { ResourceView } from "./resource_table.ts";
import type { ResourceVersion } from "./resource_version.ts";
import type { RouteConfiguration } from "./route.ts";
import type { Snapshot } from "./snapshot.ts";

/** A cluster with the one fact the store needs of it. */
export interface ClusterVersion {
  readonly resource: ResourceVersion<Cluster>;
  /** Name of its load assignment; `null` where it needs none. */
  readonly eds: string | null;
}

/** What a snapshot is made of. None of it changes any more. */
export interface SnapshotParts {
  readonly version: number;
  readonly clusters: ResourceView<ClusterVersion>;
  readonly endpoints: ResourceView<ResourceVersion<ClusterLoadAssignment>>;
  readonly routes: ResourceView<ResourceVersion<RouteConfiguration>>;
  readonly extensions: ResourceView<ResourceVersion<Extension>>;
  readonly listeners: ListenerView;
  readonly nameTable: ResourceVersion<NameTable> | null;
}

/** A snapshot over the tables of the store, as they were when it was taken. */
export class StoredSnapshot implements Snapshot {
  readonly #parts: SnapshotParts;

  /** @param parts What it is made of. */
  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  get version(): number {
    return this.#parts.version;
  }

  listener(name: string): Listener | null {
    return this.#parts.listeners.get(name);
  }

  route(name: string): RouteConfiguration | null {
    return this.#parts.routes.get(name)?.value ?? null;
  }

  extension(name: string): Extension | null {
    return this.#parts.extensions.get(name)?.value ?? null;
  }

  cluster(name: string): Cluster | null {
    return this.#parts.clusters.get(name)?.resource.value ?? null;
  }

  endpoints(edsServiceName: string): ClusterLoadAssignment | null {
    return this.#parts.endpoints.get(edsServiceName)?.value ?? null;
  }

  get nameTable(): NameTable {
    return this.#parts.nameTable?.value ?? EMPTY_NAME_TABLE;
  }

  outboundListener(ip: string, port: number): Listener | null {
    return this.#parts.listeners.at(ip, port);
  }

  get virtualOutbound(): Listener | null {
    return this.listener("virtualOutbound");
  }

  get virtualInbound(): Listener | null {
    return this.listener("virtualInbound");
  }

  get clusterNames(): readonly string[] {
    return [...this.#parts.clusters.names()];
  }

  get listenerNames(): readonly string[] {
    return this.#parts.listeners.names;
  }

  get routeNames(): readonly string[] {
    return [...this.#parts.routes.names()];
  }
}
