import type { AccessLogConfig } from "./common.ts";
import type { FilterDiscovery } from "./filter_discovery.ts";
import type { RouteConfiguration } from "./route.ts";

/** One HTTP filter. `plan` is what the injected parser of that type made of its configuration. */
export interface HttpFilterConfig {
  readonly name: string;
  readonly typeUrl: string;
  /** `null` when the type is not supported: requests through this chain are refused unless `optional`. */
  readonly plan: object | null;
  /** `is_optional`, or skipped by the user's `unsupportedFilters`. */
  readonly optional: boolean;
  /** `disabled`: on only where a per-route configuration enables it. */
  readonly disabled: boolean;
  /** Where its configuration arrives by itself, under its name; it has no plan of its own then. */
  readonly discovery?: FilterDiscovery;
}

/** `envoy.filters.network.http_connection_manager`. */
export interface HttpConnectionManager {
  readonly statPrefix: string;
  readonly codec: "auto" | "http1" | "http2";
  /** Either a name to look up (RDS) or routes given in place. */
  readonly routes: { readonly rds: string } | { readonly inline: RouteConfiguration };
  /** In order, without the terminal router, which every chain ends with. */
  readonly httpFilters: readonly HttpFilterConfig[];
  /** Whether requests are traced (`tracing`): the name of their operation then travels with them. */
  readonly tracing: boolean;
  /** `suppress_envoy_headers` of the router: no `x-envoy-` headers but those that are asked for by name. */
  readonly suppressEnvoyHeaders: boolean;
  readonly accessLogs: readonly AccessLogConfig[];
  /** Value of the `server` header on responses; `null` leaves the application's. */
  readonly serverName: string | null;
  readonly serverHeaderTransformation: "overwrite" | "append_if_absent" | "pass_through";
  readonly forwardClientCert: "sanitize" | "forward_only" | "append_forward" | "sanitize_set" | "always_forward_only";
  readonly setCurrentClientCert: {
    readonly subject: boolean;
    readonly cert: boolean;
    readonly chain: boolean;
    readonly dns: boolean;
    readonly uri: boolean;
  };
  /** `xff_num_trusted_hops`: how many addresses at the end of `x-forwarded-for` belong to proxies. */
  readonly xffNumTrustedHops: number;
  /** `via`: what requests and responses are marked with; `null` for nothing. */
  readonly via: string | null;
  /** `append_x_forwarded_port`: say the port the caller has connected to. */
  readonly appendForwardedPort: boolean;
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly pathWithEscapedSlashes: "keep" | "reject" | "unescape_and_redirect" | "unescape_and_forward";
  /** Upgrade types allowed on every route, lower case, for example `websocket`. */
  readonly upgrades: readonly string[];
  /** 0 disables it. */
  readonly streamIdleTimeoutMs: number;
  /** 0 disables it. */
  readonly requestTimeoutMs: number;
  /** 0 disables it. */
  readonly requestHeadersTimeoutMs: number;
  /** `common_http_protocol_options.idle_timeout`; Envoy's default is one hour; 0 disables it. */
  readonly idleTimeoutMs: number;
  readonly maxRequestHeadersKb: number;
  readonly maxHeadersCount: number;
  readonly acceptHttp10: boolean;
  /** `strip_matching_host_port`: remove the port of the host where it is the listener's. */
  readonly stripMatchingHostPort: boolean;
  /** `strip_trailing_host_dot`: remove a dot at the end of the host. */
  readonly stripTrailingHostDot: boolean;
  /** `strip_any_host_port`: remove the port of the host whatever it is. */
  readonly stripAnyHostPort: boolean;
  /** What to do with requests that carry header names with an underscore. */
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  /** `common_http_protocol_options.max_connection_duration`; 0 for no limit. */
  readonly maxConnectionDurationMs: number;
  /** `common_http_protocol_options.max_stream_duration`; 0 for no limit. */
  readonly maxStreamDurationMs: number;
  /** `common_http_protocol_options.max_requests_per_connection`; 0 for no limit. */
  readonly maxRequestsPerConnection: number;
  /** `http2_protocol_options.max_concurrent_streams`; `null` where it is not given. */
  readonly maxConcurrentStreams: number | null;
}
