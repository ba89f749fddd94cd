import type {
  EnvoyConfigClusterV3CircuitBreakers as CircuitBreakers,
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigClusterV3OutlierDetection as EnvoyOutlierDetection,
  GoogleProtobufUInt32Value,
} from "../../protobuf/gen/messages.ts";
import type {
  ConnectionPool,
  LoadBalancer,
  OutlierDetection,
  RetryBudget,
  TcpKeepalive,
  Warmup,
} from "../kinds/destination_rule.ts";
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
          budgetPercent: { value: budget.percent },
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

/** Settings of the balancer for new endpoints; the other algorithms have none. */
export function slowStart(balancer: LoadBalancer | undefined, warmup: Warmup | undefined): Cluster {
  if (warmup === undefined) return {};
  const slowStartConfig = {
    slowStartWindow: duration(warmup.durationMs),
    // The key is what istiod was seen to send; Envoy asks for one and finds nothing under it.
    aggression: { defaultValue: warmup.aggression, runtimeKey: "(" },
    minWeightPercent: { value: warmup.minimumPercent },
  };
  switch (balancer ?? "LEAST_REQUEST") {
    case "LEAST_REQUEST":
      return { leastRequestLbConfig: { slowStartConfig } };
    case "ROUND_ROBIN":
      return { roundRobinLbConfig: { slowStartConfig } };
    default:
      return {};
  }
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
