/** Resources as the parsers make them, with Envoy's defaults, for tests of the stages that read them. */
import type { Cluster, OutlierDetection } from "../../lib/resource/cluster.ts";
import type { HeaderMutations } from "../../lib/resource/common.ts";
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../../lib/resource/endpoint.ts";
import type { HealthCheck } from "../../lib/resource/health_check.ts";
import type { LoadBalancing } from "../../lib/resource/load_balancing.ts";
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
    maxGrpcTimeoutMs: null,
    grpcTimeoutOffsetMs: 0,
    streamDuration: null,
    retryPolicy: null,
    mirrors: [],
    hashPolicies: [],
    upgrades: {},
    subset: null,
    internalRedirect: null,
    rateLimits: [],
    includeVirtualHostRateLimits: false,
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
    requestBufferLimit: 1024 * 1024,
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
    includeIsTimeoutRetry: false,
    rateLimits: [],
    requireTls: "none",
    perFilterConfig: new Map(),
    ...overrides,
  };
}

export function routeConfiguration(overrides: Partial<RouteConfiguration> = {}): RouteConfiguration {
  return {
    name: "80",
    hostsByDomain: null,
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
    omitCanaryHosts: false,
    omitHostMetadata: [],
    hostSelectionRetryMaxAttempts: 0,
    backoff: null,
    rateLimitedBackoff: null,
    previousPriorities: null,
    ...overrides,
  };
}

export function loadBalancing(overrides: Partial<LoadBalancing> = {}): LoadBalancing {
  return {
    policy: "least_request",
    choiceCount: 2,
    activeRequestBias: 1,
    fullScan: false,
    ringMinimumSize: 1024,
    ringMaximumSize: 8_388_608,
    ringHashFunction: "xx_hash",
    maglevTableSize: 65_537,
    useHostnameForHashing: false,
    hashBalanceFactor: 0,
    healthyPanicThreshold: 0,
    localityWeighted: false,
    zoneAware: null,
    slowStartWindowMs: 0,
    slowStartAggression: 1,
    slowStartMinWeightPercent: 10,
    overrideHostStatus: ["unknown", "healthy", "degraded"],
    subset: null,
    overrideHostHeaders: [],
    closeConnectionsOnHostSetChange: false,
    ...overrides,
  };
}

/** With Envoy's defaults. */
export function outlierDetection(overrides: Partial<OutlierDetection> = {}): OutlierDetection {
  return {
    consecutive5xx: 5,
    consecutiveGatewayFailure: 5,
    consecutiveLocalOriginFailure: 5,
    intervalMs: 10_000,
    baseEjectionTimeMs: 30_000,
    maxEjectionTimeMs: 300_000,
    maxEjectionTimeJitterMs: 0,
    maxEjectionPercent: 10,
    alwaysEjectOneHost: false,
    enforcingConsecutive5xx: 100,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingSuccessRate: 100,
    enforcingLocalOriginSuccessRate: 100,
    enforcingFailurePercentage: 0,
    enforcingFailurePercentageLocalOrigin: 0,
    successRateMinimumHosts: 5,
    successRateRequestVolume: 100,
    successRateStdevFactor: 1900,
    failurePercentageThreshold: 85,
    failurePercentageMinimumHosts: 5,
    failurePercentageRequestVolume: 50,
    splitExternalLocalOriginErrors: false,
    successfulActiveHealthCheckUnejectHost: true,
    detectDegradedHosts: false,
    ...overrides,
  };
}

/** Asks `/healthz` each second. */
export function healthCheck(overrides: Partial<HealthCheck> = {}): HealthCheck {
  return {
    what: {
      kind: "http",
      host: "",
      path: "/healthz",
      method: "GET",
      protocol: "http1",
      headers: noHeaders,
      send: null,
      receive: [],
      responseBufferSize: 1024,
      expectedStatuses: [{ start: 200, end: 201 }],
      retriableStatuses: [],
      serviceName: null,
    },
    timeoutMs: 500,
    intervalMs: 1000,
    initialJitterMs: 0,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    unhealthyThreshold: 1,
    healthyThreshold: 1,
    reuseConnection: true,
    noTrafficIntervalMs: 60_000,
    noTrafficHealthyIntervalMs: 60_000,
    unhealthyIntervalMs: 1000,
    unhealthyEdgeIntervalMs: 1000,
    healthyEdgeIntervalMs: 1000,
    ignoreNewHosts: false,
    alwaysLogFailures: false,
    alwaysLogSuccess: false,
    alpn: null,
    transportSocketMatch: null,
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
    healthCheck: null,
    ignoreHealthOnHostRemoval: false,
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
    originalDstHeader: null,
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
    healthCheck: null,
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
