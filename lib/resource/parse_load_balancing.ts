import type {
  EnvoyConfigClusterV3CircuitBreakers,
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigClusterV3ClusterSlowStartConfig,
  EnvoyConfigClusterV3OutlierDetection,
} from "../protobuf/gen/messages.ts";
import type { CircuitBreakers, LoadBalancing, OutlierDetection } from "./cluster.ts";
import type { Issues } from "./issues.ts";
import { parseDuration, parseEnum, parseNumber, parsePercent, parsePositiveDuration } from "./parse_common.ts";

const POLICIES = {
  ROUND_ROBIN: "round_robin",
  LEAST_REQUEST: "least_request",
  RING_HASH: "ring_hash",
  RANDOM: "random",
  MAGLEV: "maglev",
  CLUSTER_PROVIDED: "cluster_provided",
} as const;
const HASH_FUNCTIONS = { XX_HASH: "xx_hash", MURMUR_HASH_2: "murmur_hash_2" } as const;
const MAX_RING_SIZE = 8_388_608;
const MAX_MAGLEV_TABLE_SIZE = 5_000_011;

/** How a cluster chooses endpoints. A `load_balancing_policy` is reported and `ROUND_ROBIN` used in its place. */
export function parseLoadBalancing(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): LoadBalancing {
  const extension = cluster.loadBalancingPolicy !== undefined || cluster.lbPolicy === "LOAD_BALANCING_POLICY_CONFIG";
  if (extension) {
    const names = (cluster.loadBalancingPolicy?.policies ?? []).map((policy) => policy.typedExtensionConfig?.name);
    issues.unsupport("load_balancing_policy", names.join(", "));
  }
  if (cluster.lbSubsetConfig !== undefined) issues.unsupport("lb_subset_config", "lb_subset_config");
  const common = cluster.commonLbConfig ?? {};
  const ring = cluster.ringHashLbConfig ?? {};
  const leastRequest = cluster.leastRequestLbConfig ?? {};
  const ringBounds = { max: MAX_RING_SIZE };
  const ringMinimumSize = parseNumber(
    issues,
    "ring_hash_lb_config.minimum_ring_size",
    ring.minimumRingSize,
    1024,
    ringBounds,
  );
  const ringMaximumSize = parseNumber(
    issues,
    "ring_hash_lb_config.maximum_ring_size",
    ring.maximumRingSize,
    MAX_RING_SIZE,
    ringBounds,
  );
  if (ringMinimumSize > ringMaximumSize) {
    issues.invalid("ring_hash_lb_config.minimum_ring_size", "it must not be above the maximum", ringMinimumSize);
  }
  const zone = common.zoneAwareLbConfig;
  return {
    policy: extension ? "round_robin" : parseEnum(issues, "lb_policy", cluster.lbPolicy, POLICIES, "round_robin"),
    choiceCount: parseNumber(issues, "least_request_lb_config.choice_count", leastRequest.choiceCount, 2, { min: 2 }),
    activeRequestBias: leastRequest.activeRequestBias?.defaultValue ?? 1,
    ringMinimumSize,
    ringMaximumSize,
    ringHashFunction: parseEnum(
      issues,
      "ring_hash_lb_config.hash_function",
      ring.hashFunction,
      HASH_FUNCTIONS,
      "xx_hash",
    ),
    maglevTableSize: parseMaglevTableSize(issues, cluster),
    useHostnameForHashing: common.consistentHashingLbConfig?.useHostnameForHashing ?? false,
    healthyPanicThreshold: parsePercent(
      issues,
      "common_lb_config.healthy_panic_threshold",
      common.healthyPanicThreshold,
      50,
    ),
    localityWeighted: common.localityWeightedLbConfig !== undefined,
    zoneAware: zone === undefined ? null : {
      routingEnabledPercent: parsePercent(
        issues,
        "common_lb_config.zone_aware_lb_config.routing_enabled",
        zone.routingEnabled,
        100,
      ),
      minClusterSize: parseNumber(
        issues,
        "common_lb_config.zone_aware_lb_config.min_cluster_size",
        zone.minClusterSize,
        6,
      ),
    },
    ...parseSlowStart(issues, leastRequest.slowStartConfig ?? cluster.roundRobinLbConfig?.slowStartConfig),
  };
}

function parseMaglevTableSize(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): number {
  const path = "maglev_lb_config.table_size";
  const size = parseNumber(issues, path, cluster.maglevLbConfig?.tableSize, 65_537, { max: MAX_MAGLEV_TABLE_SIZE });
  if (size <= MAX_MAGLEV_TABLE_SIZE && !isPrime(size)) issues.invalid(path, "it must be a prime number", size);
  return size;
}

function isPrime(value: number): boolean {
  if (value < 2 || !Number.isInteger(value)) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

function parseSlowStart(
  issues: Issues,
  config: EnvoyConfigClusterV3ClusterSlowStartConfig | undefined,
): Pick<LoadBalancing, "slowStartWindowMs" | "slowStartAggression" | "slowStartMinWeightPercent"> {
  const aggression = config?.aggression?.defaultValue ?? 1;
  if (!(aggression > 0)) issues.invalid("slow_start_config.aggression", "it must be above 0", aggression);
  return {
    slowStartWindowMs: parseDuration(issues, "slow_start_config.slow_start_window", config?.slowStartWindow, 0),
    slowStartAggression: aggression,
    slowStartMinWeightPercent: parsePercent(
      issues,
      "slow_start_config.min_weight_percent",
      config?.minWeightPercent,
      10,
    ),
  };
}

/** Limits of priority DEFAULT, the only one Istio routes by. */
export function parseCircuitBreakers(
  issues: Issues,
  breakers: EnvoyConfigClusterV3CircuitBreakers | undefined,
): CircuitBreakers {
  const all = breakers?.thresholds ?? [];
  const index = all.findIndex((threshold) => threshold.priority === undefined || threshold.priority === "DEFAULT");
  const thresholds = all[index] ?? {};
  const path = `circuit_breakers.thresholds[${index}]`;
  const budget = thresholds.retryBudget;
  return {
    maxConnections: parseNumber(issues, `${path}.max_connections`, thresholds.maxConnections, 1024),
    maxPendingRequests: parseNumber(issues, `${path}.max_pending_requests`, thresholds.maxPendingRequests, 1024),
    maxRequests: parseNumber(issues, `${path}.max_requests`, thresholds.maxRequests, 1024),
    maxRetries: parseNumber(issues, `${path}.max_retries`, thresholds.maxRetries, 3),
    retryBudget: budget === undefined ? null : {
      percent: parsePercent(issues, `${path}.retry_budget.budget_percent`, budget.budgetPercent, 20),
      minConcurrency: parseNumber(
        issues,
        `${path}.retry_budget.min_retry_concurrency`,
        budget.minRetryConcurrency,
        3,
      ),
    },
  };
}

/** `outlier_detection`, with Envoy's defaults. */
export function parseOutlierDetection(
  issues: Issues,
  config: EnvoyConfigClusterV3OutlierDetection | undefined,
): OutlierDetection | null {
  if (config === undefined) return null;
  if (config.monitors !== undefined) issues.unsupport("outlier_detection.monitors", "monitors");
  const path = (name: string) => `outlier_detection.${name}`;
  const count = (name: string, wrapper: { value?: number } | undefined, fallback: number) =>
    parseNumber(issues, path(name), wrapper, fallback, { max: 0xffffffff });
  const percent = (name: string, wrapper: { value?: number } | undefined, fallback: number) =>
    parseNumber(issues, path(name), wrapper, fallback, { max: 100 });
  const baseEjectionTimeMs = parsePositiveDuration(issues, path("base_ejection_time"), config.baseEjectionTime, 30_000);
  return {
    consecutive5xx: count("consecutive_5xx", config.consecutive_5xx, 5),
    consecutiveGatewayFailure: count("consecutive_gateway_failure", config.consecutiveGatewayFailure, 5),
    consecutiveLocalOriginFailure: count("consecutive_local_origin_failure", config.consecutiveLocalOriginFailure, 5),
    intervalMs: parsePositiveDuration(issues, path("interval"), config.interval, 10_000),
    baseEjectionTimeMs,
    // Envoy: 300 s, or the base time where that is longer.
    maxEjectionTimeMs: parsePositiveDuration(
      issues,
      path("max_ejection_time"),
      config.maxEjectionTime,
      Math.max(300_000, baseEjectionTimeMs),
    ),
    maxEjectionPercent: percent("max_ejection_percent", config.maxEjectionPercent, 10),
    enforcingConsecutive5xx: percent("enforcing_consecutive_5xx", config.enforcingConsecutive_5xx, 100),
    enforcingConsecutiveGatewayFailure: percent(
      "enforcing_consecutive_gateway_failure",
      config.enforcingConsecutiveGatewayFailure,
      0,
    ),
    enforcingConsecutiveLocalOriginFailure: percent(
      "enforcing_consecutive_local_origin_failure",
      config.enforcingConsecutiveLocalOriginFailure,
      100,
    ),
    enforcingSuccessRate: percent("enforcing_success_rate", config.enforcingSuccessRate, 100),
    enforcingFailurePercentage: percent("enforcing_failure_percentage", config.enforcingFailurePercentage, 0),
    splitExternalLocalOriginErrors: config.splitExternalLocalOriginErrors ?? false,
  };
}
