import type {
  EnvoyConfigRouteV3RetryPolicy,
  EnvoyConfigRouteV3RetryPolicyRateLimitedRetryBackOff,
} from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import { checkNumber, parseDuration, parseEnum, parseNumber, parsePositiveDuration, required } from "./parse_common.ts";
import { parseHeaderMatches } from "./parse_route_match.ts";
import type { RetryPolicy } from "./route.ts";

const RESET_FORMATS = { SECONDS: "seconds", UNIX_TIMESTAMP: "unix_timestamp" } as const;

/**
 * Reads a retry policy. Unsupported predicates and priorities are reported and left out: a retry may then go to a host
 * that would have been avoided, never to a place where the first try could not go.
 */
export function parseRetryPolicy(issues: Issues, path: string, policy: EnvoyConfigRouteV3RetryPolicy): RetryPolicy {
  if (policy.retryOptionsPredicates !== undefined) {
    issues.unsupport(`${path}.retry_options_predicates`, "retry_options_predicates");
  }
  return {
    retryOn: (policy.retryOn ?? "").split(",").map((condition) => condition.trim()).filter((name) => name !== ""),
    numRetries: parseNumber(issues, `${path}.num_retries`, policy.numRetries, 1, { max: 0xffffffff }),
    perTryTimeoutMs: parseDuration(issues, `${path}.per_try_timeout`, policy.perTryTimeout, null),
    perTryIdleTimeoutMs: parseDuration(issues, `${path}.per_try_idle_timeout`, policy.perTryIdleTimeout, null),
    retriableStatusCodes: policy.retriableStatusCodes ?? [],
    retriableHeaders: parseHeaderMatches(issues, `${path}.retriable_headers`, policy.retriableHeaders),
    retriableRequestHeaders: parseHeaderMatches(
      issues,
      `${path}.retriable_request_headers`,
      policy.retriableRequestHeaders,
    ),
    previousHosts: parseHostPredicates(issues, path, policy),
    hostSelectionRetryMaxAttempts: checkNumber(
      issues,
      `${path}.host_selection_retry_max_attempts`,
      policy.hostSelectionRetryMaxAttempts ?? 1,
    ),
    backoff: parseBackoff(issues, path, policy),
    rateLimitedBackoff: parseRateLimitedBackoff(
      issues,
      `${path}.rate_limited_retry_back_off`,
      policy.rateLimitedRetryBackOff,
    ),
    previousPriorities: parseRetryPriority(issues, path, policy),
  };
}

function parseHostPredicates(issues: Issues, path: string, policy: EnvoyConfigRouteV3RetryPolicy): boolean {
  let previousHosts = false;
  for (const [index, predicate] of (policy.retryHostPredicate ?? []).entries()) {
    if (predicate.name === "envoy.retry_host_predicates.previous_hosts") previousHosts = true;
    else issues.unsupport(`${path}.retry_host_predicate[${index}]`, predicate.name ?? "");
  }
  return previousHosts;
}

function parseRetryPriority(issues: Issues, path: string, policy: EnvoyConfigRouteV3RetryPolicy): boolean {
  if (policy.retryPriority === undefined) return false;
  if (policy.retryPriority.name === "envoy.retry_priorities.previous_priorities") return true;
  issues.unsupport(`${path}.retry_priority`, policy.retryPriority.name ?? "");
  return false;
}

function parseBackoff(issues: Issues, path: string, policy: EnvoyConfigRouteV3RetryPolicy): RetryPolicy["backoff"] {
  const backoff = policy.retryBackOff;
  if (backoff === undefined) return null;
  const basePath = `${path}.retry_back_off.base_interval`;
  if (backoff.baseInterval === undefined) issues.invalid(basePath, "it must be given");
  const baseMs = parsePositiveDuration(issues, basePath, backoff.baseInterval, 25);
  const maxPath = `${path}.retry_back_off.max_interval`;
  const maxMs = parsePositiveDuration(issues, maxPath, backoff.maxInterval, baseMs * 10);
  if (maxMs < baseMs) issues.invalid(maxPath, "it must not be below 'base_interval'", `${maxMs / 1000}s`);
  return { baseMs, maxMs };
}

function parseRateLimitedBackoff(
  issues: Issues,
  path: string,
  backoff: EnvoyConfigRouteV3RetryPolicyRateLimitedRetryBackOff | undefined,
): RetryPolicy["rateLimitedBackoff"] {
  if (backoff === undefined) return null;
  const headers = backoff.resetHeaders ?? [];
  if (headers.length === 0) issues.invalid(`${path}.reset_headers`, "it must not be empty");
  return {
    resetHeaders: headers.map(({ name, format }, index) => ({
      name: required(issues, `${path}.reset_headers[${index}].name`, name).toLowerCase(),
      format: parseEnum(issues, `${path}.reset_headers[${index}].format`, format, RESET_FORMATS, "seconds"),
    })),
    maxMs: parsePositiveDuration(issues, `${path}.max_interval`, backoff.maxInterval, 300_000),
  };
}
