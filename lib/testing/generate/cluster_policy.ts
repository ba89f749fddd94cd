import type {
  EnvoyConfigClusterV3CircuitBreakers as CircuitBreakers,
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigClusterV3ClusterSlowStartConfig as SlowStartConfig,
  EnvoyConfigClusterV3OutlierDetection as EnvoyOutlierDetection,
  GoogleProtobufUInt32Value,
} from "../../protobuf/gen/messages.ts";
import type { ConnectionPool, TcpKeepalive } from "../kinds/connection_pool.ts";
import type { LoadBalancer, Warmup } from "../kinds/load_balancer.ts";
import type { OutlierDetection } from "../kinds/outlier_detection.ts";
import type { RetryBudget } from "../kinds/traffic_policy.ts";
import { duration } from "./context.ts";

/** istiod's "no limit". */
const UNLIMITED = 0xffffffff;

/** The one threshold istiod sends. */
export function circuitBreakers(pool: ConnectionPool | undefined, budget?: RetryBudget): CircuitBreakers {
  return {
    thresholds: [{
      maxConnections: limit(pool?.maxConnections),
      maxPendingRequests: limit(pool?.http1MaxPendingRequests),
      maxRequests: limit(pool?.http2MaxRequests),
      maxRetries: limit(pool?.maxRetries),
      ...(budget === undefined ? {} : {
        retryBudget: {
          budgetPercent: budget.percent === 0 ? {} : { value: budget.percent },
          minRetryConcurrency: wrap(budget.minRetryConcurrency),
        },
      }),
    }],
  };
}

function limit(value: number | undefined): GoogleProtobufUInt32Value {
  return { value: value ?? UNLIMITED };
}

/** Outlier detection as istiod writes it: each count with its enforcement, success rate never enforced. */
export function outlierDetection(outlier: OutlierDetection): EnvoyOutlierDetection {
  const { consecutive5xxErrors, consecutiveGatewayErrors, consecutiveLocalOriginFailures } = outlier;
  return {
    enforcingSuccessRate: {},
    ...(consecutive5xxErrors === undefined ? {} : {
      consecutive_5xx: wrap(consecutive5xxErrors),
      enforcingConsecutive_5xx: enforced(consecutive5xxErrors),
    }),
    ...(consecutiveGatewayErrors === undefined ? {} : {
      consecutiveGatewayFailure: wrap(consecutiveGatewayErrors),
      enforcingConsecutiveGatewayFailure: enforced(consecutiveGatewayErrors),
    }),
    ...(outlier.splitExternalLocalOriginErrors
      ? {
        splitExternalLocalOriginErrors: true,
        enforcingLocalOriginSuccessRate: {},
        ...(consecutiveLocalOriginFailures === undefined ? {} : {
          consecutiveLocalOriginFailure: wrap(consecutiveLocalOriginFailures),
          enforcingConsecutiveLocalOriginFailure: enforced(consecutiveLocalOriginFailures),
        }),
      }
      : {}),
    ...(outlier.intervalMs === undefined ? {} : { interval: duration(outlier.intervalMs) }),
    ...(outlier.baseEjectionTimeMs === undefined ? {} : { baseEjectionTime: duration(outlier.baseEjectionTimeMs) }),
    ...(outlier.maxEjectionPercent === undefined ? {} : { maxEjectionPercent: wrap(outlier.maxEjectionPercent) }),
  };
}

/** The algorithm of a cluster with its settings. */
export function loadBalancing(balancer: LoadBalancer | undefined): Cluster {
  const table = balancer?.consistentHash?.table;
  if (table !== undefined) {
    const size = table.size === undefined ? undefined : { value: table.size };
    return table.kind === "ring"
      ? { lbPolicy: "RING_HASH", ...(size === undefined ? {} : { ringHashLbConfig: { minimumRingSize: size } }) }
      : { lbPolicy: "MAGLEV", ...(size === undefined ? {} : { maglevLbConfig: { tableSize: size } }) };
  }
  const warmup = balancer?.warmup && { slowStartConfig: slowStart(balancer.warmup) };
  switch (balancer?.simple) {
    case "PASSTHROUGH":
      return { lbPolicy: "CLUSTER_PROVIDED" };
    case "RANDOM":
      return { lbPolicy: "RANDOM" };
    case "ROUND_ROBIN":
      // The default of the field, and so not on the wire.
      return warmup === undefined ? {} : { roundRobinLbConfig: warmup };
    default:
      return { lbPolicy: "LEAST_REQUEST", ...(warmup === undefined ? {} : { leastRequestLbConfig: warmup }) };
  }
}

function slowStart({ durationMs, minimumPercent, aggression }: Warmup): SlowStartConfig {
  return {
    slowStartWindow: duration(durationMs),
    // The key is what istiod was seen to send; Envoy asks for one and finds nothing under it.
    ...(aggression === undefined ? {} : { aggression: { defaultValue: aggression, runtimeKey: "(" } }),
    ...(minimumPercent === undefined
      ? {}
      : { minWeightPercent: minimumPercent === 0 ? {} : { value: minimumPercent } }),
  };
}

/** Options of the sockets to the endpoints. */
export function connectionOptions(keepalive: TcpKeepalive | undefined): Cluster {
  if (keepalive === undefined) return {};
  const { probes, timeSeconds, intervalSeconds } = keepalive;
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(probes === undefined ? {} : { keepaliveProbes: wrap(probes) }),
        ...(timeSeconds === undefined ? {} : { keepaliveTime: wrap(timeSeconds) }),
        ...(intervalSeconds === undefined ? {} : { keepaliveInterval: wrap(intervalSeconds) }),
      },
    },
  };
}

/** A count of 0 turns its detection off. */
function enforced(count: number): GoogleProtobufUInt32Value {
  return count === 0 ? {} : { value: 100 };
}

function wrap(value: number): GoogleProtobufUInt32Value {
  return value === 0 ? {} : { value };
}
