import type { HeaderList } from "../http/header_list.ts";

/**
 * What headers of a request change about how it is forwarded. A caller cannot set them where the sidecar counts it as
 * external, which is everywhere unless `internal_address_config` says otherwise; filters and internal callers can.
 */
export interface RequestOverrides {
  /** `x-envoy-upstream-rq-timeout-ms`: instead of the route's timeout; 0 for no limit, `null` where not given. */
  readonly globalMs: number | null;
  /** `x-envoy-upstream-rq-per-try-timeout-ms`. */
  readonly perTryMs: number | null;
}

/** What headers of a request change about its attempts. */
export interface AttemptOverrides {
  /** `x-envoy-upstream-stream-duration-ms`: the most one attempt may last, from its beginning to its end. */
  readonly streamDurationMs: number | null;
  /** `x-envoy-upstream-rq-timeout-alt-response`: timeouts are answered with 204 instead of 504. */
  readonly alternativeTimeoutStatus: boolean;
  /** `x-envoy-retry-on` and `x-envoy-retry-grpc-on`: conditions in addition to the policy's. */
  readonly retryOn: readonly string[];
  /** `x-envoy-max-retries`; `null` where not given. */
  readonly numRetries: number | null;
  /** `x-envoy-retriable-status-codes`, in addition. */
  readonly statusCodes: readonly number[];
  /** `x-envoy-retriable-header-names`: response headers whose presence is a reason, in addition. */
  readonly headerNames: readonly string[];
}

/** Taken off the request before it is rewritten, in this order of Envoy's router. */
const FORWARDING: ReadonlySet<string> = new Set([
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
]);

/** Taken off after: a route may add them. */
const ATTEMPTS: ReadonlySet<string> = new Set([
  "x-envoy-upstream-stream-duration-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-upstream-rq-per-try-timeout-ms",
]);

/**
 * Takes the headers that change timeouts off a request; `null` where there are none, which costs one look at each name.
 *
 * @see Envoy `Router::Filter::decodeHeaders` and `FilterUtility::finalTimeout`.
 */
export function takeRequestOverrides(headers: HeaderList): RequestOverrides | null {
  const found = take(headers, FORWARDING);
  if (found === null) return null;
  return {
    globalMs: number(found.get("x-envoy-upstream-rq-timeout-ms")),
    perTryMs: number(found.get("x-envoy-upstream-rq-per-try-timeout-ms")),
  };
}

/** Takes the headers that change attempts off a request; `null` where there are none. */
export function takeAttemptOverrides(headers: HeaderList): AttemptOverrides | null {
  const found = take(headers, ATTEMPTS);
  if (found === null) return null;
  return {
    streamDurationMs: number(found.get("x-envoy-upstream-stream-duration-ms")),
    alternativeTimeoutStatus: found.has("x-envoy-upstream-rq-timeout-alt-response"),
    retryOn: [...tokens(found.get("x-envoy-retry-on")), ...tokens(found.get("x-envoy-retry-grpc-on"))],
    numRetries: number(found.get("x-envoy-max-retries")),
    statusCodes: tokens(found.get("x-envoy-retriable-status-codes")).flatMap((code) => number(code) ?? []),
    headerNames: tokens(found.get("x-envoy-retriable-header-names")).map((name) => name.toLowerCase()),
  };
}

/** The first value of each header of a set, which is gone from the list then. */
function take(headers: HeaderList, names: ReadonlySet<string>): Map<string, string> | null {
  const { pairs } = headers;
  let found: Map<string, string> | null = null;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    if (!name.startsWith("x-envoy-") || !names.has(name)) continue;
    found ??= new Map();
    if (!found.has(name)) found.set(name, pairs[i + 1]!);
  }
  if (found !== null) { for (const name of found.keys()) headers.delete(name); }
  return found;
}

function tokens(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(",").map((token) => token.trim()).filter((token) => token !== "");
}

function number(value: string | undefined): number | null {
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
}
