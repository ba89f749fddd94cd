/** Health of an endpoint as the control plane tells it, by Envoy's names. */
export const HEALTH_STATUSES = {
  UNKNOWN: "unknown",
  HEALTHY: "healthy",
  UNHEALTHY: "unhealthy",
  DRAINING: "draining",
  TIMEOUT: "timeout",
  DEGRADED: "degraded",
} as const;
