import type {
  EnvoyConfigRouteV3RetryPolicy,
  EnvoyConfigRouteV3RetryPolicyRateLimitedRetryBackOff,
  GoogleProtobufAny,
  MessageMap,
} from "../protobuf/gen/messages.ts";
import { type MessageName, unpackAny } from "../protobuf/registry.ts";
import type { Metadata } from "./common.ts";
import { type Issues, reasonOf } from "./issues.ts";
import {
  checkNumber,
  parseDuration,
  parseEnum,
  parseMetadata,
  parseNumber,
  parsePositiveDuration,
  required,
} from "./parse_common.ts";
import { parseHeaderMatches } from "./parse_route_match.ts";
import type { RetryPolicy } from "./route.ts";

const OMIT_HOST_METADATA = "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig";
const PREVIOUS_PRIORITIES = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
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
    ...parseHostPredicates(issues, path, policy),
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

function parseHostPredicates(
  issues: Issues,
  path: string,
  policy: EnvoyConfigRouteV3RetryPolicy,
): Pick<RetryPolicy, "previousHosts" | "omitCanaryHosts" | "omitHostMetadata"> {
  let previousHosts = false;
  let omitCanaryHosts = false;
  const omitHostMetadata: Metadata[string][] = [];
  for (const [index, predicate] of (policy.retryHostPredicate ?? []).entries()) {
    const predicatePath = `${path}.retry_host_predicate[${index}]`;
    switch (predicate.name) {
      case "envoy.retry_host_predicates.previous_hosts":
        previousHosts = true;
        break;
      case "envoy.retry_host_predicates.omit_canary_hosts":
        omitCanaryHosts = true;
        break;
      case "envoy.retry_host_predicates.omit_host_metadata": {
        const config = readExtension(issues, predicatePath, OMIT_HOST_METADATA, predicate.typedConfig);
        const wanted = parseMetadata(config?.metadataMatch)["envoy.lb"];
        // Nothing to compare with excludes nobody.
        if (wanted !== undefined && Object.keys(wanted).length > 0) omitHostMetadata.push(wanted);
        break;
      }
      default:
        issues.unsupport(predicatePath, predicate.name ?? "");
    }
  }
  return { previousHosts, omitCanaryHosts, omitHostMetadata };
}

function parseRetryPriority(
  issues: Issues,
  path: string,
  { retryPriority }: EnvoyConfigRouteV3RetryPolicy,
): RetryPolicy["previousPriorities"] {
  if (retryPriority === undefined) return null;
  const priorityPath = `${path}.retry_priority`;
  if (retryPriority.name !== "envoy.retry_priorities.previous_priorities") {
    issues.unsupport(priorityPath, retryPriority.name ?? "");
    return null;
  }
  const config = readExtension(issues, priorityPath, PREVIOUS_PRIORITIES, retryPriority.typedConfig);
  if (config === null) return null;
  const updateFrequency = checkNumber(
    issues,
    `${priorityPath}.typed_config.update_frequency`,
    config.updateFrequency ?? 0,
    { min: 1 },
  );
  return { updateFrequency };
}

function readExtension<N extends MessageName>(
  issues: Issues,
  path: string,
  name: N,
  any: GoogleProtobufAny | undefined,
): MessageMap[N] | null {
  try {
    return any === undefined ? {} as MessageMap[N] : unpackAny(name, any);
  } catch (error) {
    issues.invalid(`${path}.typed_config`, `it cannot be read (${reasonOf(error)})`);
    return null;
  }
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
