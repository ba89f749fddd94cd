import type { Json } from "../protobuf/well_known.ts";
import type { HealthStatus } from "../resource/endpoint.ts";

/** What a load balancer knows of a host; `upstream` implements it. */
export interface Host {
  /** `ip:port`: its identity. */
  readonly key: string;
  /** What consistent hashing hashes: `key`, the host name, or what the endpoint's metadata say. */
  readonly hashKey: string;
  /** At least 1. */
  readonly weight: number;
  /** Requests under way. */
  readonly active: number;
  /** `unhealthy` covers ejected and draining hosts too. */
  readonly health: "healthy" | "degraded" | "unhealthy";
  /**
   * Whether the host was taken away on purpose and is no part of what usable hosts are counted against (Envoy: excluded).
   * @default {false}
   */
  readonly excluded?: boolean;
  /** Why: what the control plane says, and `unhealthy` for what was found out here. */
  readonly status: HealthStatus;
  /** Metadata of `envoy.lb`, by which subsets choose. */
  readonly labels: Readonly<Record<string, Json>>;
  /** Monotonic milliseconds at which slow start began; `null` where it has not, or is not used. */
  readonly healthySince: number | null;
}
