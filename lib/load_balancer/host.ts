/** What a load balancer knows of a host; `upstream` implements it. */
export interface Host {
  /** `ip:port`: its identity. */
  readonly key: string;
  /** What consistent hashing hashes: `key`, or the host name where the cluster says so. */
  readonly hashKey: string;
  /** At least 1. */
  readonly weight: number;
  /** Requests under way. */
  readonly active: number;
  /** `unhealthy` covers ejected and draining hosts too. */
  readonly health: "healthy" | "degraded" | "unhealthy";
}
