import type {
  EnvoyConfigClusterV3CircuitBreakers,
  EnvoyConfigClusterV3CircuitBreakersThresholds,
} from "../protobuf/gen/messages.ts";
import type { CircuitBreakers } from "./cluster.ts";
import type { Issues } from "./issues.ts";
import { parseDuration, parseEnum, parseNumber, parsePercent } from "./parse_common.ts";

const PRIORITIES = { DEFAULT: "default", HIGH: "high" } as const;
const MAX = { max: 0xffffffff };

/** Limits of both priorities. Of several entries for a priority the first counts, as in Envoy. */
export interface PriorityCircuitBreakers {
  readonly normal: CircuitBreakers;
  readonly high: CircuitBreakers;
}

/**
 * Reads `circuit_breakers`, with Envoy's defaults. `max_connection_pools` and `per_host_thresholds.max_connections` have
 * no meaning of their own here: pools are not limited in number.
 */
export function parseCircuitBreakers(
  issues: Issues,
  breakers: EnvoyConfigClusterV3CircuitBreakers | undefined,
): PriorityCircuitBreakers {
  const found: { default?: CircuitBreakers; high?: CircuitBreakers } = {};
  for (const [index, thresholds] of (breakers?.thresholds ?? []).entries()) {
    const path = `circuit_breakers.thresholds[${index}]`;
    const priority = parseEnum(issues, `${path}.priority`, thresholds.priority, PRIORITIES, "default");
    const limits = parseThresholds(issues, path, thresholds);
    found[priority] ??= limits;
  }
  if ((breakers?.perHostThresholds ?? []).length > 0) {
    issues.unsupport("circuit_breakers.per_host_thresholds", "per_host_thresholds");
  }
  const defaults = () => parseThresholds(issues, "", {});
  return { normal: found.default ?? defaults(), high: found.high ?? defaults() };
}

function parseThresholds(
  issues: Issues,
  path: string,
  thresholds: EnvoyConfigClusterV3CircuitBreakersThresholds,
): CircuitBreakers {
  const budget = thresholds.retryBudget;
  return {
    maxConnections: parseNumber(issues, `${path}.max_connections`, thresholds.maxConnections, 1024, MAX),
    maxPendingRequests: parseNumber(issues, `${path}.max_pending_requests`, thresholds.maxPendingRequests, 1024, MAX),
    maxRequests: parseNumber(issues, `${path}.max_requests`, thresholds.maxRequests, 1024, MAX),
    maxRetries: parseNumber(issues, `${path}.max_retries`, thresholds.maxRetries, 3, MAX),
    retryBudget: budget === undefined ? null : {
      percent: parsePercent(issues, `${path}.retry_budget.budget_percent`, budget.budgetPercent, 20),
      minConcurrency: parseNumber(
        issues,
        `${path}.retry_budget.min_retry_concurrency`,
        budget.minRetryConcurrency,
        3,
        MAX,
      ),
      intervalMs: parseDuration(issues, `${path}.retry_budget.budget_interval`, budget.budgetInterval, 0),
    },
  };
}
