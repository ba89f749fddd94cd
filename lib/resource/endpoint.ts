import type { Metadata } from "./common.ts";
import type { EndpointHealthCheck } from "./health_check.ts";

/** Health as the control plane sees it. */
export type HealthStatus = "unknown" | "healthy" | "unhealthy" | "draining" | "timeout" | "degraded";

/** One endpoint. */
export interface Endpoint {
  /** IP address, or a DNS name in DNS clusters. */
  readonly address: string;
  readonly port: number;
  /** `ip:port`, IPv6 in brackets: the identity of an endpoint. */
  readonly key: string;
  readonly health: HealthStatus;
  /** At least 1. */
  readonly weight: number;
  readonly hostname: string;
  readonly metadata: Metadata;
  /** The target of an `envoy_internal_address` (HBONE); `null` for a socket address. */
  readonly internalListener: string | null;
  /** How it wants to be checked; `null` for as the cluster says. */
  readonly healthCheck: EndpointHealthCheck | null;
}

/** Endpoints of one place. */
export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** 0 is the most preferred. */
  readonly priority: number;
  /** `null` where none was given. */
  readonly weight: number | null;
  readonly endpoints: readonly Endpoint[];
}

/** `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly localities: readonly LocalityEndpoints[];
  /** Percent; Envoy's default is 140. */
  readonly overprovisioningFactor: number;
  /** Whether the health of a priority counts the weights of its hosts instead of their number. @default {false} */
  readonly weightedPriorityHealth?: boolean;
}
