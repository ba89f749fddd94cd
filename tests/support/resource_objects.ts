/** Resources as the parsers make them, with Envoy's defaults, for tests of the stages that read them. */
import type { Cluster, LoadBalancing } from "../../lib/resource/cluster.ts";
import type { HeaderMutations } from "../../lib/resource/common.ts";
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../../lib/resource/endpoint.ts";
import type {
  ForwardAction,
  RetryPolicy,
  Route,
  RouteConfiguration,
  RouteMatch,
  VirtualHost,
} from "../../lib/resource/route.ts";

export const noHeaders: HeaderMutations = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

export function routeMatch(overrides: Partial<RouteMatch> = {}): RouteMatch {
  return {
    path: { kind: "prefix", value: "/" },
    caseSensitive: true,
    headers: [],
    queryParameters: [],
    runtimeFraction: null,
    grpc: false,
    dynamicMetadata: [],
    ...overrides,
  };
}

export function forwardAction(overrides: Partial<ForwardAction> = {}): ForwardAction {
  return {
    kind: "forward",
    cluster: { kind: "name", name: "backend" },
    clusterNotFoundStatus: 503,
    prefixRewrite: null,
    regexRewrite: null,
    pathTemplateRewrite: null,
    hostRewrite: null,
    appendXForwardedHost: false,
    timeoutMs: 0,
    idleTimeoutMs: null,
    maxStreamDurationMs: null,
    grpcStreamHeaderMaxMs: null,
    grpcTimeoutHeaderMaxMs: null,
    retryPolicy: null,
    mirrors: [],
    hashPolicies: [],
    upgrades: {},
    subset: null,
    internalRedirect: null,
    ...overrides,
  };
}

export function route(overrides: Partial<Route> = {}): Route {
  return {
    name: "default",
    match: routeMatch(),
    action: forwardAction(),
    metadata: {},
    operation: null,
    headers: noHeaders,
    perFilterConfig: new Map(),
    ...overrides,
  };
}

export function virtualHost(overrides: Partial<VirtualHost> = {}): VirtualHost {
  return {
    name: "host",
    domains: ["*"],
    routes: [route()],
    retryPolicy: null,
    headers: noHeaders,
    includeRequestAttemptCount: false,
    includeAttemptCountInResponse: false,
    requireTls: "none",
    perFilterConfig: new Map(),
    ...overrides,
  };
}

export function routeConfiguration(overrides: Partial<RouteConfiguration> = {}): RouteConfiguration {
  return {
    name: "80",
    virtualHosts: [virtualHost()],
    headers: noHeaders,
    ignorePortInHostMatching: true,
    mostSpecificHeaderMutationsWins: false,
    internalOnlyHeaders: [],
    perFilterConfig: new Map(),
    ...overrides,
  };
}

export function retryPolicy(retryOn: readonly string[], overrides: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    retryOn,
    numRetries: 2,
    perTryTimeoutMs: null,
    perTryIdleTimeoutMs: null,
    retriableStatusCodes: [],
    retriableHeaders: [],
    retriableRequestHeaders: [],
    previousHosts: false,
    hostSelectionRetryMaxAttempts: 0,
    backoff: null,
    rateLimitedBackoff: null,
    previousPriorities: false,
    ...overrides,
  };
}

export function loadBalancing(overrides: Partial<LoadBalancing> = {}): LoadBalancing {
  return {
    policy: "least_request",
    choiceCount: 2,
    activeRequestBias: 1,
    ringMinimumSize: 1024,
    ringMaximumSize: 8_388_608,
    ringHashFunction: "xx_hash",
    maglevTableSize: 65_537,
    useHostnameForHashing: false,
    healthyPanicThreshold: 0,
    localityWeighted: false,
    zoneAware: null,
    slowStartWindowMs: 0,
    slowStartAggression: 1,
    slowStartMinWeightPercent: 10,
    ...overrides,
  };
}

export function cluster(overrides: Partial<Cluster> = {}): Cluster {
  return {
    name: "backend",
    type: "eds",
    edsServiceName: "backend",
    loadAssignment: null,
    connectTimeoutMs: 10_000,
    loadBalancing: loadBalancing(),
    circuitBreakers: {
      maxConnections: 4_294_967_295,
      maxPendingRequests: 4_294_967_295,
      maxRequests: 4_294_967_295,
      maxRetries: 4_294_967_295,
      retryBudget: null,
    },
    outlierDetection: null,
    transportSocket: { kind: "plaintext" },
    transportSocketMatches: [],
    http: {
      protocol: "http1",
      idleTimeoutMs: 3_600_000,
      maxRequestsPerConnection: 0,
      maxConnectionDurationMs: 0,
      maxConcurrentStreams: 0,
      autoSni: false,
      autoSanValidation: false,
    },
    tcpKeepalive: null,
    dns: { refreshMs: 5000, respectTtl: false, family: "auto" },
    originalDstHeader: false,
    originalDstPortOverride: null,
    bindAddress: null,
    metadata: {},
    upstreamFilters: [],
    ...overrides,
  };
}

export function endpoint(address: string, port: number, overrides: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    port,
    key: `${address}:${port}`,
    health: "healthy",
    weight: 1,
    hostname: "",
    metadata: {},
    internalListener: null,
    ...overrides,
  };
}

export function locality(
  endpoints: readonly Endpoint[],
  overrides: Partial<LocalityEndpoints> = {},
): LocalityEndpoints {
  return { region: "", zone: "", subZone: "", priority: 0, weight: null, endpoints, ...overrides };
}

export function loadAssignment(
  localities: readonly LocalityEndpoints[],
  clusterName = "backend",
): ClusterLoadAssignment {
  return { clusterName, localities, overprovisioningFactor: 140 };
}
