import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Extension } from "./extension.ts";
import type { Listener } from "./listener.ts";
import type { NameTable } from "./name_table.ts";
import type { RouteConfiguration } from "./route.ts";

/** The kinds of resource a snapshot holds. */
export type ResourceKind = "cluster" | "endpoint" | "listener" | "route" | "extension" | "nameTable";

/** What changed from one snapshot to the next: names by kind. Empty sets where nothing did. */
export interface SnapshotChange {
  readonly clusters: ReadonlySet<string>;
  readonly endpoints: ReadonlySet<string>;
  readonly listeners: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly extensions: ReadonlySet<string>;
  readonly nameTable: boolean;
}

/**
 * The configuration at one moment: immutable, and complete in its references (a cluster is visible once its endpoints
 * are, a listener once its routes and extensions are; until then the former version stays). Objects are expanded from their wire form
 * on first use and keep their identity for as long as their bytes are the same.
 */
export interface Snapshot {
  /** Counts up with each change. */
  readonly version: number;
  listener(name: string): Listener | null;
  route(name: string): RouteConfiguration | null;
  cluster(name: string): Cluster | null;
  /** The configuration of filters of that name; `null` where there is none (any more). */
  extension(name: string): Extension | null;
  endpoints(edsServiceName: string): ClusterLoadAssignment | null;
  readonly nameTable: NameTable;
  /** The outbound listener of that address (`ip`, port), without any fallback; `null` where there is none. */
  outboundListener(ip: string, port: number): Listener | null;
  /** `virtualOutbound` and `virtualInbound`; `null` before they arrived. */
  readonly virtualOutbound: Listener | null;
  readonly virtualInbound: Listener | null;
  readonly clusterNames: readonly string[];
  readonly listenerNames: readonly string[];
  readonly routeNames: readonly string[];
}

/** A source of snapshots. */
export interface SnapshotSource {
  readonly current: Snapshot;
  /** Calls `listener` after each change; returns a function that stops it. */
  subscribe(listener: (snapshot: Snapshot, change: SnapshotChange) => void): () => void;
}
