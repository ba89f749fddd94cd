import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../resource/endpoint.ts";

/**
 * An assignment with those endpoints of the former one that are gone from it and are to stay, each in its place.
 *
 * @param next The new assignment.
 * @param former What was in use before.
 * @param keep Whether an endpoint that is gone is to stay.
 */
export function retainEndpoints(
  next: ClusterLoadAssignment,
  former: ClusterLoadAssignment | null,
  keep: (endpoint: Endpoint) => boolean,
): ClusterLoadAssignment {
  if (former === null) return next;
  const present = new Set(next.localities.flatMap(({ endpoints }) => endpoints.map(({ key }) => key)));
  let localities: readonly LocalityEndpoints[] = next.localities;
  for (const place of former.localities) {
    const kept = place.endpoints.filter((endpoint) => !present.has(endpoint.key) && keep(endpoint));
    if (kept.length === 0) continue;
    const at = localities.findIndex((locality) => isSamePlace(locality, place));
    localities = at < 0
      ? [...localities, { ...place, endpoints: kept }]
      : localities.map((locality, i) =>
        i === at ? { ...locality, endpoints: [...locality.endpoints, ...kept] } : locality
      );
  }
  return localities === next.localities ? next : { ...next, localities };
}

function isSamePlace(one: LocalityEndpoints, other: LocalityEndpoints): boolean {
  return one.priority === other.priority && one.region === other.region && one.zone === other.zone &&
    one.subZone === other.subZone;
}
