import type { LocalCluster } from "../load_balancer/zone_routing.ts";
import type { ClusterLoadAssignment, LocalityEndpoints } from "../resource/endpoint.ts";

/** Region, zone and subzone in one text that sorts as the three do. */
export function localityName(locality: Pick<LocalityEndpoints, "region" | "zone" | "subZone">): string {
  return `${locality.region}\0${locality.zone}\0${locality.subZone}`;
}

/** What zone-aware routing knows: where this caller is, and where the others of its kind are. */
export interface ZoneFacts {
  /** Name of this caller's locality ({@linkcode localityName}). */
  readonly own: string;
  /** The load assignment of the callers' own cluster (Envoy's `local_cluster_name`); `null` where it is not known. */
  readonly callers: () => ClusterLoadAssignment | null;
}

/** The callers' own cluster as the balancer wants it; `null` where it is not known. */
export function localCluster(facts: ZoneFacts): LocalCluster | null {
  const assignment = facts.callers();
  if (assignment === null) return null;
  const localities = assignment.localities
    .filter(({ priority, endpoints }) => priority === 0 && endpoints.length > 0)
    .map((locality) => ({
      name: localityName(locality),
      total: locality.endpoints.length,
      healthy: locality.endpoints.filter(({ health }) => health === "unknown" || health === "healthy").length,
    }));
  return { own: facts.own, localities };
}
