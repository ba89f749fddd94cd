import type { Json } from "../protobuf/well_known.ts";
import type { CidrRange, FractionalPercent, HeaderMutations, Metadata, StringMatch } from "./common.ts";

/** How a header is matched. */
export interface HeaderMatch {
  readonly name: string;
  readonly match:
    | { readonly kind: "string"; readonly string: StringMatch }
    | { readonly kind: "range"; readonly start: number; readonly end: number }
    | { readonly kind: "present"; readonly present: boolean };
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}

/** How a query parameter is matched. */
export interface QueryParameterMatch {
  readonly name: string;
  /** What its first value must be, or whether it must be there. */
  readonly match: StringMatch | { readonly kind: "present"; readonly present: boolean };
}

/** When a route applies. */
export interface RouteMatch {
  readonly path:
    | { readonly kind: "prefix" | "path" | "path_separated_prefix" | "regex" | "template"; readonly value: string }
    | { readonly kind: "connect" };
  readonly caseSensitive: boolean;
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryParameterMatch[];
  readonly runtimeFraction: FractionalPercent | null;
  readonly grpc: boolean;
  readonly dynamicMetadata: readonly {
    readonly filter: string;
    readonly path: readonly string[];
    readonly value: StringMatch | { readonly kind: "present"; readonly present: boolean };
    readonly invert: boolean;
  }[];
}

/** When and how a request is tried again. */
export interface RetryPolicy {
  /** For example `connect-failure`, `refused-stream`, `retriable-status-codes`. */
  readonly retryOn: readonly string[];
  readonly numRetries: number;
  /** `null` for none. */
  readonly perTryTimeoutMs: number | null;
  readonly perTryIdleTimeoutMs: number | null;
  readonly retriableStatusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderMatch[];
  /** Only requests with one of these headers are tried again; empty for all. */
  readonly retriableRequestHeaders: readonly HeaderMatch[];
  /** Avoid hosts that were already tried (`previous_hosts`). */
  readonly previousHosts: boolean;
  /** Avoid hosts whose metadata says `canary: true` in the namespace `envoy.lb` (`omit_canary_hosts`). */
  readonly omitCanaryHosts: boolean;
  /** Avoid hosts that have one of these sets of values in the namespace `envoy.lb` (`omit_host_metadata`). */
  readonly omitHostMetadata: readonly Metadata[string][];
  readonly hostSelectionRetryMaxAttempts: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number } | null;
  readonly rateLimitedBackoff: {
    readonly resetHeaders: readonly { readonly name: string; readonly format: "seconds" | "unix_timestamp" }[];
    readonly maxMs: number;
  } | null;
  /** Avoid the priorities of hosts tried before, looked at anew after so many attempts (`previous_priorities`). */
  readonly previousPriorities: { readonly updateFrequency: number } | null;
}

/** What a request is hashed by, for consistent load balancing. */
export type HashPolicy =
  & (
    | {
      readonly kind: "header";
      readonly name: string;
      /** Applied to each value before it is hashed; `null` for none. */
      readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
    }
    | {
      readonly kind: "cookie";
      readonly name: string;
      /** Lifetime of the cookie that is made where the caller has none, 0 for the session; `null` makes none. */
      readonly ttlMs: number | null;
      readonly path: string;
      /** More attributes of a cookie that is made; those with an empty value are names only. */
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
    | { readonly kind: "source_ip" }
    | { readonly kind: "query_parameter"; readonly name: string }
    | { readonly kind: "filter_state"; readonly key: string }
  )
  & { readonly terminal: boolean };

/** A cluster that gets copies of requests. */
export interface Mirror {
  /** Empty where a header names it. */
  readonly cluster: string;
  /** `cluster_header`: the request header that names the cluster, lower case; `null` where `cluster` does. */
  readonly header: string | null;
  readonly fraction: FractionalPercent;
  /** Whether the host of a copy gets `-shadow` behind it. */
  readonly shadowSuffix: boolean;
}

/** Forwards to a cluster. */
export interface ForwardAction {
  readonly kind: "forward";
  readonly cluster:
    | { readonly kind: "name"; readonly name: string }
    | {
      readonly kind: "weighted";
      readonly clusters: readonly WeightedCluster[];
      readonly totalWeight: number;
      /** `header_name`, lower case: its number chooses in place of a random one; `null` for none. */
      readonly drawHeader: string | null;
    }
    | { readonly kind: "header"; readonly header: string };
  readonly clusterNotFoundStatus: number;
  /** Which circuit breakers and connections requests use. @default {"default"} */
  readonly priority?: "default" | "high";
  readonly prefixRewrite: string | null;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly pathTemplateRewrite: string | null;
  readonly hostRewrite:
    | { readonly kind: "literal" | "header" | "path_regex"; readonly value: string; readonly substitution?: string }
    | { readonly kind: "auto" }
    | null;
  readonly appendXForwardedHost: boolean;
  /** Whole request, from the end of the request to the end of the response; 0 disables it. Envoy's default is 15 s. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number | null;
  /** `max_grpc_timeout`: a gRPC request's own `grpc-timeout` replaces `timeout`, up to this; 0 for no limit, `null` ignores it. */
  readonly maxGrpcTimeoutMs: number | null;
  /** `grpc_timeout_offset`: taken off the caller's `grpc-timeout`; 0 for nothing. */
  readonly grpcTimeoutOffsetMs: number;
  /** `max_stream_duration`, which takes the place of `timeout` and `max_grpc_timeout`; `null` where it is absent. */
  readonly streamDuration: StreamDuration | null;
  readonly retryPolicy: RetryPolicy | null;
  readonly mirrors: readonly Mirror[];
  readonly hashPolicies: readonly HashPolicy[];
  /** Upgrade types switched on or off for this route. */
  readonly upgrades: Readonly<Record<string, boolean>>;
  /** `metadata_match`: endpoint metadata wanted, of the namespace `envoy.lb`. */
  readonly subset: Readonly<Record<string, Json>> | null;
  readonly internalRedirect: InternalRedirectPolicy | null;
  /** What local rate limits describe a request by. */
  readonly rateLimits: readonly RateLimit[];
  /** `include_vh_rate_limits`. */
  readonly includeVirtualHostRateLimits: boolean;
}

/** How long a stream may last, whatever happens on it (`RouteAction.MaxStreamDuration`). */
export interface StreamDuration {
  /** 0 for no limit, `null` leaves it to the connection manager. */
  readonly maxMs: number | null;
  /** The caller's `grpc-timeout` is the limit, up to this; 0 for no limit, `null` ignores the header. */
  readonly grpcHeaderMaxMs: number | null;
  /** Taken off the caller's `grpc-timeout`; 0 for nothing. */
  readonly grpcHeaderOffsetMs: number;
}

/** When a redirect of the upstream is followed here instead of being handed on (`InternalRedirectPolicy`). */
export interface InternalRedirectPolicy {
  readonly maxRedirects: number;
  readonly statuses: readonly number[];
  readonly allowCrossScheme: boolean;
  /** Headers of the redirect that go into the new request, lower case. */
  readonly responseHeadersToCopy: readonly string[];
  readonly predicates: readonly RedirectPredicate[];
}

/** Rules out targets of internal redirects, by the name of the route they lead to. */
export type RedirectPredicate =
  /** No target twice from one route. */
  | { readonly kind: "previous_routes" }
  | { readonly kind: "allow_listed_routes"; readonly routes: readonly string[] }
  /** Never from `http` to `https`. */
  | { readonly kind: "safe_cross_scheme" };

/** One entry of `rate_limits`: a descriptor made by several actions, or none where one of them yields nothing. */
export interface RateLimit {
  readonly stage: number;
  readonly actions: readonly RateLimitAction[];
}

/** Makes one entry of a descriptor. */
export type RateLimitAction =
  | { readonly kind: "source_cluster" | "destination_cluster" | "remote_address" }
  | { readonly kind: "masked_remote_address"; readonly v4Bits: number; readonly v6Bits: number }
  | {
    readonly kind: "request_headers";
    readonly header: string;
    readonly key: string;
    readonly skipIfAbsent: boolean;
  }
  | { readonly kind: "generic_key"; readonly key: string; readonly value: string }
  | {
    readonly kind: "header_value_match";
    readonly key: string;
    readonly value: string;
    readonly expectMatch: boolean;
    readonly headers: readonly HeaderMatch[];
  }
  | {
    readonly kind: "metadata";
    readonly source: "dynamic" | "route";
    readonly filter: string;
    readonly path: readonly string[];
    readonly key: string;
    readonly fallback: string;
    readonly skipIfAbsent: boolean;
  };

/** One of several clusters that share a route. */
export interface WeightedCluster {
  /** Empty where a header names it. */
  readonly name: string;
  /** `cluster_header`: the request header that names the cluster, lower case; `null` where `name` does. */
  readonly header: string | null;
  readonly weight: number;
  readonly headers: HeaderMutations;
  readonly hostRewrite: string | null;
  /** `metadata_match`, over the route's. @default {null} */
  readonly subset?: ForwardAction["subset"];
  readonly perFilterConfig: PerFilterConfig;
}

/** Answers with a redirect. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly scheme: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly path: string | null;
  readonly prefixRewrite: string | null;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly status: number;
  readonly stripQuery: boolean;
}

/** Answers by itself. */
export interface DirectResponseAction {
  readonly kind: "direct_response";
  readonly status: number;
  readonly body: string;
}

/** A route of any kind. `non_forwarding` is what filters answer for. */
export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction | { readonly kind: "non_forwarding" };

/** Parsed per-route configuration by filter name; the values are what the filter's injected parser made. */
export type PerFilterConfig = ReadonlyMap<string, object>;

/** One route: match, action, and what goes with it. */
export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly metadata: Metadata;
  /** `decorator.operation`, for traces. */
  readonly operation: string | null;
  readonly headers: HeaderMutations;
  readonly perFilterConfig: PerFilterConfig;
  /** Most bytes of a request that are kept for retries, mirrors and internal redirects. Envoy's default is 1 MiB. */
  readonly requestBufferLimit: number;
}

/** A set of domains and their routes. */
export interface VirtualHost {
  readonly name: string;
  /** Lower case; exact, `*.suffix`, `prefix.*` or `*`. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly retryPolicy: RetryPolicy | null;
  readonly headers: HeaderMutations;
  readonly includeRequestAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  /** `include_is_timeout_retry_header`: retries tell the upstream whether they follow a per-try timeout. */
  readonly includeIsTimeoutRetry: boolean;
  readonly rateLimits: readonly RateLimit[];
  readonly requireTls: "none" | "external_only" | "all";
  readonly perFilterConfig: PerFilterConfig;
}

/** The virtual hosts of a large route configuration. */
export interface VirtualHostsByDomain {
  /** The virtual host with that exact domain, given in lower case. */
  exact(domain: string): VirtualHost | null;
  /** Domains with a `*`, lower case, in order. */
  readonly wildcards: readonly { readonly domain: string; readonly host: VirtualHost }[];
}

/** `envoy.config.route.v3.RouteConfiguration`. */
export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  /** Finds them without making all of them, where they are many; `null` where they are few. */
  readonly hostsByDomain: VirtualHostsByDomain | null;
  readonly headers: HeaderMutations;
  readonly ignorePortInHostMatching: boolean;
  readonly mostSpecificHeaderMutationsWins: boolean;
  readonly internalOnlyHeaders: readonly string[];
  readonly perFilterConfig: PerFilterConfig;
  /** Addresses counted as internal; kept for later use by `x-envoy-internal`. */
  readonly internalAddresses?: readonly CidrRange[];
}
