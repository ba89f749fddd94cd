import type { SocketAddress } from "../internal/socket_address.ts";
import type { Metadata } from "./common.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { HealthCheck } from "./health_check.ts";
import type { LoadBalancing } from "./load_balancing.ts";
import type { TlsContext } from "./tls_context.ts";

/** Version of a PROXY protocol header: 1 is text, 2 is binary. */
export type ProxyProtocolVersion = 1 | 2;

/** Transport to an endpoint: TLS, plaintext, or something unsupported that refuses. */
export type TransportSocket =
  | { readonly kind: "tls"; readonly context: TlsContext; readonly proxyProtocol?: ProxyProtocolVersion }
  | { readonly kind: "plaintext"; readonly proxyProtocol?: ProxyProtocolVersion }
  | { readonly kind: "unsupported"; readonly what: string; readonly proxyProtocol?: undefined };

/** The first entry whose `match` is contained in the endpoint's `envoy.transport_socket_match` metadata is used. */
export interface TransportSocketMatch {
  readonly name: string;
  readonly match: Readonly<Record<string, string>>;
  readonly socket: TransportSocket;
}

/** When a peer of an HTTP/2 connection is asked for a sign of life, as `connection_keepalive`. */
export interface Http2Keepalive {
  /** Milliseconds of silence before it is asked. */
  readonly intervalMs: number;
  /** Milliseconds it has to answer before the connection is cut. */
  readonly timeoutMs: number;
}

/** How many retries there may be at once, as a part of the requests. */
export interface RetryBudget {
  /** Percent of the requests. */
  readonly percent: number;
  /** Never fewer than these. */
  readonly minConcurrency: number;
  /** Milliseconds for which a request counts from its beginning; 0 counts those under way. @default {0} */
  readonly intervalMs?: number;
}

/** Limits of one priority; Envoy's defaults are 1024, 1024, 1024, 3. */
export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly retryBudget: RetryBudget | null;
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
  /** `null` asks as this library does on its own. @default {null} */
  readonly http2Keepalive?: Http2Keepalive | null;
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
  readonly type:
    | "eds"
    | "static"
    | "strict_dns"
    | "logical_dns"
    | "original_dst"
    | "dynamic_forward_proxy"
    | "aggregate";
  /** Name of the load assignment to ask for; `null` unless `type` is `eds`. */
  readonly edsServiceName: string | null;
  /** Endpoints (or DNS names) given in place; `null` for `eds` and `original_dst`. */
  readonly loadAssignment: ClusterLoadAssignment | null;
  /** `aggregate`: the clusters it is made of, the preferred first. @default {[]} */
  readonly members?: readonly string[];
  readonly connectTimeoutMs: number;
  readonly loadBalancing: LoadBalancing;
  readonly circuitBreakers: CircuitBreakers;
  /** Limits of requests whose route has priority HIGH. @default {Envoy's defaults} */
  readonly highPriorityCircuitBreakers?: CircuitBreakers;
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
    /** `dynamic_forward_proxy`: names remembered at once. @default {1024} */
    readonly maxHosts?: number;
    /** `dynamic_forward_proxy`: milliseconds after its last use at which a name is forgotten. @default {300000} */
    readonly hostTtlMs?: number;
    /** `dynamic_forward_proxy`: milliseconds a question may take; 0 for any time. @default {5000} */
    readonly timeoutMs?: number;
  };
  /**
   * `original_dst`: the request header that names the destination (`x-envoy-original-dst-host` unless called otherwise);
   * `null` honours none, which is the default.
   */
  readonly originalDstHeader: string | null;
  /** `original_dst`: dynamic metadata that names the destination, before the header. @default {null} */
  readonly originalDstMetadata?: { readonly namespace: string; readonly path: readonly string[] } | null;
  /** `original_dst`: the port to connect to instead of the original one; `null` for that one. */
  readonly originalDstPortOverride: number | null;
  /** Source address of connections (`upstream_bind_config`), for example `127.0.0.6`. */
  readonly bindAddress: SocketAddress | null;
  /** Bytes a connection buffers in each direction (`per_connection_buffer_limit_bytes`). @default {the runtime's} */
  readonly bufferBytes?: number | null;
  readonly metadata: Metadata;
  /** Names of network filters in front of upstream connections, in order. */
  readonly upstreamFilters: readonly string[];
}
