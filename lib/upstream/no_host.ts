import { MeshError } from "../errors.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { UpstreamAttempt } from "./upstream_attempt.ts";

/**
 * Why a cluster has no host for an attempt, and what to check.
 *
 * @param cluster The cluster.
 * @param count How many hosts it has.
 * @param dnsFailure Why its names did not resolve; `null` where they did.
 * @param attempt What was wanted.
 */
export function noHost(
  cluster: Cluster,
  count: number,
  dnsFailure: unknown,
  { override, subset }: UpstreamAttempt,
): MeshError {
  return new MeshError(
    "NO_HEALTHY_UPSTREAM",
    `Cannot send the request to '${cluster.name}': ${reason()}`,
    dnsFailure === null ? {} : { cause: dnsFailure },
  );

  function reason(): string {
    if (count === 0 && dnsFailure !== null) {
      const why = dnsFailure instanceof Error ? dnsFailure.message : "unknown reason";
      return `its name has no address (${why}); check the name and the resolver`;
    }
    if (count === 0) return "the cluster has no endpoints; check that its Service selects running pods";
    if (override?.strict) {
      return `its session wants '${override.address}' and nothing else; ` +
        "check that the pod still runs, or begin a new session";
    }
    if (subset !== null && cluster.loadBalancing.subset !== null) {
      return `none of its '${count}' endpoints is healthy and has the metadata '${JSON.stringify(subset)}' that the ` +
        "route wants; check its metadata_match";
    }
    return `none of its '${count}' endpoints is healthy; check their readiness, health checks and the outlier detection`;
  }
}
