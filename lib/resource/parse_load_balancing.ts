import type { EnvoyConfigClusterV3Cluster, EnvoyConfigClusterV3OutlierDetection } from "../protobuf/gen/messages.ts";
import type { OutlierDetection } from "./cluster.ts";
import type { HealthStatus } from "./endpoint.ts";
import { HEALTH_STATUSES } from "./health_statuses.ts";
import type { Issues } from "./issues.ts";
import type { LoadBalancing } from "./load_balancing.ts";
import { flag, parseDuration, parseEnum, parseNumber, parsePercent, parsePositiveDuration } from "./parse_common.ts";
import {
  parseHashing,
  parseLeastRequest,
  parseMaglev,
  parseRing,
  parseSlowStart,
  parseZoneAware,
} from "./parse_lb_parts.ts";
import { parseSubsetSettings } from "./parse_lb_subset.ts";
import { parseLoadBalancingPolicy } from "./parse_load_balancing_policy.ts";

const POLICIES = {
  ROUND_ROBIN: "round_robin",
  LEAST_REQUEST: "least_request",
  RING_HASH: "ring_hash",
  RANDOM: "random",
  MAGLEV: "maglev",
  CLUSTER_PROVIDED: "cluster_provided",
} as const;
const DEFAULT_OVERRIDE_STATUSES: readonly HealthStatus[] = ["unknown", "healthy", "degraded"];

/** How a cluster chooses endpoints: its `load_balancing_policy`, else `lb_policy` and the fields that go with it. */
export function parseLoadBalancing(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): LoadBalancing {
  const extension = cluster.loadBalancingPolicy !== undefined || cluster.lbPolicy === "LOAD_BALANCING_POLICY_CONFIG";
  const common = cluster.commonLbConfig ?? {};
  const policy = extension ? "round_robin" : parseEnum(issues, "lb_policy", cluster.lbPolicy, POLICIES, "round_robin");
  const slowStart = policy === "least_request"
    ? cluster.leastRequestLbConfig?.slowStartConfig
    : policy === "round_robin"
    ? cluster.roundRobinLbConfig?.slowStartConfig
    : undefined;
  const base: LoadBalancing = {
    policy,
    ...parseLeastRequest(issues, "least_request_lb_config", cluster.leastRequestLbConfig ?? {}),
    fullScan: false,
    ...parseRing(issues, "ring_hash_lb_config", cluster.ringHashLbConfig ?? {}),
    ...parseMaglev(issues, "maglev_lb_config", cluster.maglevLbConfig),
    ...parseHashing(
      issues,
      "common_lb_config.consistent_hashing_lb_config",
      extension ? undefined : common.consistentHashingLbConfig,
    ),
    // Envoy rounds it to a whole number.
    healthyPanicThreshold: Math.round(
      parsePercent(issues, "common_lb_config.healthy_panic_threshold", common.healthyPanicThreshold, 50),
    ),
    localityWeighted: !extension && common.localityWeightedLbConfig !== undefined,
    zoneAware: parseZoneAware(
      issues,
      "common_lb_config.zone_aware_lb_config",
      extension ? undefined : common.zoneAwareLbConfig,
    ),
    ...parseSlowStart(issues, "slow_start_config", slowStart),
    overrideHostStatus: common.overrideHostStatus === undefined
      ? DEFAULT_OVERRIDE_STATUSES
      : (common.overrideHostStatus.statuses ?? []).map((status, index) =>
        parseEnum<HealthStatus>(
          issues,
          `common_lb_config.override_host_status.statuses[${index}]`,
          status,
          HEALTH_STATUSES,
          "unknown",
        )
      ),
    subset: null,
    overrideHostHeaders: [],
    closeConnectionsOnHostSetChange: common.closeConnectionsOnHostSetChange ?? false,
  };
  if (common.consistentHashingLbConfig?.useHostnameForHashing && cluster.type !== "STRICT_DNS") {
    issues.invalid(
      "common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing",
      "only a cluster of type STRICT_DNS can have it",
      true,
    );
  }
  if (extension) return parseExtension(issues, cluster, base);
  const { lbSubsetConfig } = cluster;
  // Envoy: no selectors, no subsets.
  if (lbSubsetConfig === undefined || (lbSubsetConfig.subsetSelectors ?? []).length === 0) return base;
  if (policy === "cluster_provided") {
    issues.invalid("lb_subset_config", "the policy CLUSTER_PROVIDED cannot have it");
    return base;
  }
  return { ...base, subset: parseSubsetSettings(issues, "lb_subset_config", lbSubsetConfig, false) };
}

function parseExtension(issues: Issues, cluster: EnvoyConfigClusterV3Cluster, base: LoadBalancing): LoadBalancing {
  const { loadBalancingPolicy, lbSubsetConfig } = cluster;
  if (loadBalancingPolicy === undefined) {
    issues.invalid("load_balancing_policy", "a cluster of lb_policy LOAD_BALANCING_POLICY_CONFIG must have it");
    return base;
  }
  if (lbSubsetConfig !== undefined) {
    issues.invalid("lb_subset_config", "it cannot stand beside 'load_balancing_policy'");
  }
  return parseLoadBalancingPolicy(issues, "load_balancing_policy", loadBalancingPolicy, base);
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
  // Envoy: 300 s, or the base time where that is longer.
  const longest = Math.max(300_000, baseEjectionTimeMs);
  const maxEjectionTimeMs = parsePositiveDuration(issues, path("max_ejection_time"), config.maxEjectionTime, longest);
  if (maxEjectionTimeMs < baseEjectionTimeMs) {
    issues.invalid(
      path("max_ejection_time"),
      "it must not be below base_ejection_time",
      `${maxEjectionTimeMs / 1000}s`,
    );
  }
  return {
    consecutive5xx: count("consecutive_5xx", config.consecutive_5xx, 5),
    consecutiveGatewayFailure: count("consecutive_gateway_failure", config.consecutiveGatewayFailure, 5),
    consecutiveLocalOriginFailure: count("consecutive_local_origin_failure", config.consecutiveLocalOriginFailure, 5),
    intervalMs: parsePositiveDuration(issues, path("interval"), config.interval, 10_000),
    baseEjectionTimeMs,
    maxEjectionTimeMs,
    maxEjectionTimeJitterMs: parseDuration(issues, path("max_ejection_time_jitter"), config.maxEjectionTimeJitter, 0),
    maxEjectionPercent: percent("max_ejection_percent", config.maxEjectionPercent, 10),
    alwaysEjectOneHost: flag(config.alwaysEjectOneHost, false),
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
    enforcingLocalOriginSuccessRate: percent(
      "enforcing_local_origin_success_rate",
      config.enforcingLocalOriginSuccessRate,
      100,
    ),
    enforcingFailurePercentage: percent("enforcing_failure_percentage", config.enforcingFailurePercentage, 0),
    enforcingFailurePercentageLocalOrigin: percent(
      "enforcing_failure_percentage_local_origin",
      config.enforcingFailurePercentageLocalOrigin,
      0,
    ),
    successRateMinimumHosts: count("success_rate_minimum_hosts", config.successRateMinimumHosts, 5),
    successRateRequestVolume: count("success_rate_request_volume", config.successRateRequestVolume, 100),
    successRateStdevFactor: count("success_rate_stdev_factor", config.successRateStdevFactor, 1900),
    failurePercentageThreshold: percent("failure_percentage_threshold", config.failurePercentageThreshold, 85),
    failurePercentageMinimumHosts: count(
      "failure_percentage_minimum_hosts",
      config.failurePercentageMinimumHosts,
      5,
    ),
    failurePercentageRequestVolume: count(
      "failure_percentage_request_volume",
      config.failurePercentageRequestVolume,
      50,
    ),
    splitExternalLocalOriginErrors: config.splitExternalLocalOriginErrors ?? false,
    successfulActiveHealthCheckUnejectHost: flag(config.successfulActiveHealthCheckUnejectHost, true),
    detectDegradedHosts: flag(config.detectDegradedHosts, false),
  };
}
