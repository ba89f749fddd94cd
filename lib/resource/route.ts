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
  /** `null` asks only for presence. */
  readonly match: StringMatch | null;
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
  /** Avoid hosts that were already tried. */
  readonly previousHosts: boolean;
  readonly hostSelectionRetryMaxAttempts: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number } | null;
  readonly rateLimitedBackoff: {
    readonly resetHeaders: readonly { readonly name: string; readonly format: "seconds" | "unix_timestamp" }[];
    readonly maxMs: number;
  } | null;
  readonly previousPriorities: boolean;
}

/** What a request is hashed by, for consistent load balancing. */
export type HashPolicy =
  & (
    | { readonly kind: "header"; readonly name: string }
    | { readonly kind: "cookie"; readonly name: string; readonly ttlMs: number | null; readonly path: string }
    | { readonly kind: "source_ip" }
    | { readonly kind: "query_parameter"; readonly name: string }
    | { readonly kind: "filter_state"; readonly key: string }
  )
  & { readonly terminal: boolean };

/** Forwards to a cluster. */
export interface ForwardAction {
  readonly kind: "forward";
  readonly cluster:
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "weighted"; readonly clusters: readonly WeightedCluster[]; readonly totalWeight: number }
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
  readonly maxStreamDurationMs: number | null;
  /** `grpc_timeout_header_max` (or the older `max_grpc_timeout`); 0 honours the header without a limit, `null` ignores it. */
  readonly grpcTimeoutHeaderMaxMs: number | null;
  readonly retryPolicy: RetryPolicy | null;
  readonly mirrors: readonly {
    readonly cluster: string;
    readonly fraction: FractionalPercent;
    /** Whether the copy's host gets `-shadow` behind it: Envoy's default, which istiod turns off. */
    readonly shadowSuffix: boolean;
  }[];
  readonly hashPolicies: readonly HashPolicy[];
  /** Upgrade types switched on or off for this route. */
  readonly upgrades: Readonly<Record<string, boolean>>;
  /** `metadata_match`: endpoint metadata wanted, of the namespace `envoy.lb`. */
  readonly subset: Readonly<Record<string, Json>> | null;
  readonly internalRedirect: { readonly maxRedirects: number; readonly statuses: readonly number[] } | null;
}

/** One of several clusters that share a route. */
export interface WeightedCluster {
  readonly name: string;
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
