import type { Snapshot } from "./resource/snapshot.ts";

/** The configuration at one moment, for people and tests: names, not the resources themselves. */
export interface MeshSnapshot {
  /** Counts up with each change. */
  readonly version: number;
  /** Names of clusters, for example `outbound|9080||reviews.default.svc.cluster.local`. */
  readonly clusters: readonly string[];
  /** Names of listeners, for example `0.0.0.0_9080`. */
  readonly listeners: readonly string[];
  /** Names of route configurations, for example `9080`. */
  readonly routes: readonly string[];
  /** Endpoints of a cluster as `ip:port`; empty where it has none or is not known. */
  endpoints(cluster: string): readonly string[];
  /** Addresses the mesh gives a host name; `null` where the name is not of the mesh. */
  addresses(host: string): readonly string[] | null;
}

/** The public view of a snapshot. */
export function meshSnapshot(snapshot: Snapshot): MeshSnapshot {
  return {
    version: snapshot.version,
    clusters: snapshot.clusterNames,
    listeners: snapshot.listenerNames,
    routes: snapshot.routeNames,
    endpoints(name) {
      const cluster = snapshot.cluster(name);
      if (cluster === null) return [];
      const { edsServiceName, loadAssignment } = cluster;
      const assignment = edsServiceName === null ? loadAssignment : snapshot.endpoints(edsServiceName);
      return (assignment?.localities ?? []).flatMap(({ endpoints }) => endpoints.map(({ key }) => key));
    },
    addresses: (host) => snapshot.nameTable.lookup(host),
  };
}
