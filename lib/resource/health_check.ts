import type { HeaderMutations, StringMatch } from "./common.ts";

/** A half-open range of statuses: `start <= status < end`. */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

/** `http_health_check`: a request and what makes its answer a good one. */
export interface HttpHealthCheck {
  readonly kind: "http";
  /** Authority of the request; empty for the name of the cluster. An endpoint's own wins. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly protocol: "http1" | "http2";
  /** Changes of the request's headers. */
  readonly headers: HeaderMutations;
  /** Content of the request; `null` for none. */
  readonly send: Uint8Array | null;
  /** Pieces that have to come in this order somewhere in the content; empty for any content. */
  readonly receive: readonly Uint8Array[];
  /** Bytes of the content that are looked at; 0 for all. */
  readonly responseBufferSize: number;
  /** Good statuses; Envoy's default is 200 alone. */
  readonly expectedStatuses: readonly StatusRange[];
  /** Bad statuses that count towards the threshold instead of failing the host at once. */
  readonly retriableStatuses: readonly StatusRange[];
  /** What `x-envoy-upstream-healthchecked-cluster` has to be; `null` for anything. */
  readonly serviceName: StringMatch | null;
}

/** `grpc_health_check`: `grpc.health.v1.Health/Check` has to say SERVING. */
export interface GrpcHealthCheck {
  readonly kind: "grpc";
  /** Service asked for; empty for the server as a whole. */
  readonly serviceName: string;
  /** Authority of the call; empty for the name of the cluster. */
  readonly authority: string;
  readonly headers: HeaderMutations;
}

/** `tcp_health_check`: a connection, and what comes over it. */
export interface TcpHealthCheck {
  readonly kind: "tcp";
  /** Bytes to write; empty for none. */
  readonly send: Uint8Array;
  /** As in {@linkcode HttpHealthCheck}; empty when a connection is enough. */
  readonly receive: readonly Uint8Array[];
}

/** `envoy.config.core.v3.HealthCheck`, with Envoy's defaults filled in. Times are milliseconds. */
export interface HealthCheck {
  readonly what: HttpHealthCheck | GrpcHealthCheck | TcpHealthCheck;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Most that the first check is put off by, at random. */
  readonly initialJitterMs: number;
  /** Most that is added to each interval, at random. */
  readonly intervalJitterMs: number;
  /** The same in percent of the interval. */
  readonly intervalJitterPercent: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly reuseConnection: boolean;
  /** Interval while the cluster has never had traffic. */
  readonly noTrafficIntervalMs: number;
  /** The same for hosts that are healthy. */
  readonly noTrafficHealthyIntervalMs: number;
  /** Interval of unhealthy hosts. */
  readonly unhealthyIntervalMs: number;
  /** Interval after a failure that has not made the host unhealthy yet. */
  readonly unhealthyEdgeIntervalMs: number;
  /** Interval after a success that has not made the host healthy yet. */
  readonly healthyEdgeIntervalMs: number;
  /** Whether a new host does not count before its first check (`ignore_new_hosts_until_first_hc`). */
  readonly ignoreNewHosts: boolean;
  readonly alwaysLogFailures: boolean;
  readonly alwaysLogSuccess: boolean;
  /** ALPN list instead of the TLS context's; `null` for that one. */
  readonly alpn: readonly string[] | null;
  /** Chooses the transport instead of the endpoint's metadata; `null` for those. */
  readonly transportSocketMatch: Readonly<Record<string, unknown>> | null;
}

/** `health_check_config` of an endpoint. */
export interface EndpointHealthCheck {
  /** Where checks go instead of the endpoint's address; `null` for the same. */
  readonly address: string | null;
  /** Port of checks; 0 for the endpoint's. */
  readonly port: number;
  /** Authority of checks; empty for the configured one. */
  readonly hostname: string;
  /** Whether the endpoint is left out: it counts as healthy then. */
  readonly disabled: boolean;
}
