import type {
  EnvoyConfigClusterV3CircuitBreakers as CircuitBreakers,
  EnvoyConfigClusterV3OutlierDetection as EnvoyOutlierDetection,
  GoogleProtobufUInt32Value,
} from "../../protobuf/gen/messages.ts";
import type { ConnectionPool, OutlierDetection } from "../kinds/destination_rule.ts";
import { duration } from "./context.ts";

/** istiod's "no limit". */
const UNLIMITED = 0xffffffff;

/** The one threshold istiod sends. */
export function circuitBreakers(pool: ConnectionPool | undefined): CircuitBreakers {
  return {
    thresholds: [{
      maxConnections: limit(pool?.maxConnections),
      maxPendingRequests: limit(pool?.http1MaxPendingRequests),
      maxRequests: limit(pool?.http2MaxRequests),
      maxRetries: limit(pool?.maxRetries),
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

/** A count of 0 turns its detection off. */
function enforced(count: number): GoogleProtobufUInt32Value {
  return count === 0 ? {} : { value: 100 };
}

function wrap(value: number): GoogleProtobufUInt32Value {
  return value === 0 ? {} : { value };
}
