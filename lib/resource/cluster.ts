import type { SocketAddress } from "../internal/socket_address.ts";
import type { Metadata } from "./common.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { HealthCheck } from "./health_check.ts";
import type { LoadBalancing } from "./load_balancing.ts";
import type { TlsContext } from "./tls_context.ts";

/** Transport to an endpoint: TLS, plaintext, or something unsupported that refuses. */
export type TransportSocket =
  | { readonly kind: "tls"; readonly context: TlsContext }
  | { readonly kind: "plaintext" }
  | { readonly kind: "unsupported"; readonly what: string };

/** The first entry whose `match` is contained in the endpoint's `envoy.transport_socket_match` metadata is used. */
export interface TransportSocketMatch {
  readonly name: string;
  readonly match: Readonly<Record<string, string>>;
  readonly socket: TransportSocket;
}

/** Limits of one priority; Envoy's defaults are 1024, 1024, 1024, 3. */
export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number } | null;
}

/** HTTP towards the cluster. `downstream` speaks what the caller spoke. */
export interface HttpProtocolOptions {
  readonly protocol: "http1" | "http2" | "downstream" | "auto";
  /** 0 disables it; Envoy's default is one hour. */
  readonly idleTimeoutMs: number;
  /** 0 for no limit. */
  readonly maxRequestsPerConnection: number;
  /** 0 for no limit. */
  readonly maxConnectionDurationMs: number;
  /** 0 for no limit. */
  readonly maxConcurrentStreams: number;
  /** From `upstream_http_protocol_options`. */
  readonly autoSni: boolean;
  readonly autoSanValidation: boolean;
}

/**
 * `outlier_detection`, with Envoy's defaults filled in. Times are milliseconds; what is enforced is the percentage of
 * detections that become ejections.
 */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  readonly maxEjectionTimeJitterMs: number;
  readonly maxEjectionPercent: number;
  /** Whether one host may be out whatever `maxEjectionPercent` says. */
  readonly alwaysEjectOneHost: boolean;
  readonly enforcingConsecutive5xx: number;
  readonly enforcingConsecutiveGatewayFailure: number;
  readonly enforcingConsecutiveLocalOriginFailure: number;
  readonly enforcingSuccessRate: number;
  readonly enforcingLocalOriginSuccessRate: number;
  readonly enforcingFailurePercentage: number;
  readonly enforcingFailurePercentageLocalOrigin: number;
  readonly successRateMinimumHosts: number;
  readonly successRateRequestVolume: number;
  /** Thousandths of a standard deviation. */
  readonly successRateStdevFactor: number;
  readonly failurePercentageThreshold: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly successfulActiveHealthCheckUnejectHost: boolean;
  /** Whether hosts that answer with `x-envoy-degraded` count as degraded. */
  readonly detectDegradedHosts: boolean;
}

/** `envoy.config.cluster.v3.Cluster`. */
export interface Cluster {
  readonly name: string;
  readonly type: "eds" | "static" | "strict_dns" | "logical_dns" | "original_dst" | "dynamic_forward_proxy";
  /** Name of the load assignment to ask for; `null` unless `type` is `eds`. */
  readonly edsServiceName: string | null;
  /** Endpoints (or DNS names) given in place; `null` for `eds` and `original_dst`. */
  readonly loadAssignment: ClusterLoadAssignment | null;
  readonly connectTimeoutMs: number;
  readonly loadBalancing: LoadBalancing;
  readonly circuitBreakers: CircuitBreakers;
  readonly outlierDetection: OutlierDetection | null;
  /** Active health checks; `null` for none. */
  readonly healthCheck: HealthCheck | null;
  /** Whether a host that is gone from its assignment goes at once, though its health checks succeed. */
  readonly ignoreHealthOnHostRemoval: boolean;
  /** Used where no match applies. */
  readonly transportSocket: TransportSocket;
  readonly transportSocketMatches: readonly TransportSocketMatch[];
  readonly http: HttpProtocolOptions;
  readonly tcpKeepalive:
    | { readonly probes: number; readonly timeSeconds: number; readonly intervalSeconds: number }
    | null;
  readonly dns: {
    readonly refreshMs: number;
    readonly respectTtl: boolean;
    readonly family: "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";
  };
  /** `original_dst`: honour `x-envoy-original-dst-host` (off unless configured). */
  readonly originalDstHeader: boolean;
  /** `original_dst`: the port to connect to instead of the original one; `null` for that one. */
  readonly originalDstPortOverride: number | null;
  /** Source address of connections (`upstream_bind_config`), for example `127.0.0.6`. */
  readonly bindAddress: SocketAddress | null;
  readonly metadata: Metadata;
  /** Names of network filters in front of upstream connections, in order. */
  readonly upstreamFilters: readonly string[];
}
