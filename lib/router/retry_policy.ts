import type { HeaderList } from "../http/header_list.ts";
import type { HttpRequest } from "../http/message.ts";
import { Backoff } from "../internal/backoff.ts";
import type { Random } from "../internal/random.ts";
import { compileHeaderMatch, compileRequestHeaderMatch } from "../matcher/header_matcher.ts";
import type { HeaderMatch, RetryPolicy } from "../resource/route.ts";
import type { AttemptOverrides } from "./request_overrides.ts";

/** Why an attempt ended without a response: Envoy's `StreamResetReason`, in its words. */
export type ResetReason =
  | "local connection failure"
  | "remote connection failure"
  | "connection timeout"
  | "connection termination"
  | "local reset"
  | "local refused stream reset"
  | "remote reset"
  | "remote refused stream reset"
  | "protocol error"
  | "overflow";

/** What became of an attempt, as far as retries are concerned. */
export type AttemptOutcome =
  | { readonly kind: "response"; readonly status: number; readonly headers: HeaderList }
  /** `requestStarted`: whether any byte of the request reached the socket. A per-try timeout is a `local reset`. */
  | { readonly kind: "reset"; readonly reason: ResetReason; readonly requestStarted: boolean };

/** A response that came too early for a request sent as early data: tried again at once. */
const TOO_EARLY = 425;

/** gRPC status codes by their retry condition. */
const GRPC_CONDITIONS: Readonly<Record<string, string>> = {
  "cancelled": "1",
  "deadline-exceeded": "4",
  "resource-exhausted": "8",
  "internal": "13",
  "unavailable": "14",
};

const CONNECT_FAILURES: ReadonlySet<ResetReason> = new Set([
  "local connection failure",
  "remote connection failure",
  "connection timeout",
]);

/** A retry policy made ready for use; one for each route. */
export class RetryRules {
  readonly policy: RetryPolicy;
  readonly #serverErrors: boolean;
  readonly #gatewayErrors: boolean;
  readonly #reset: boolean;
  readonly #resetBeforeRequest: boolean;
  readonly #connectFailure: boolean;
  readonly #refusedStream: boolean;
  readonly #conflict: boolean;
  readonly #rateLimited: boolean;
  readonly #statusCodes: ReadonlySet<number>;
  readonly #grpcCodes: ReadonlySet<string>;
  readonly #headers: readonly ((headers: HeaderList, status: number) => boolean)[];
  readonly #requestHeaders: readonly ((request: HttpRequest) => boolean)[];

  /** @param policy The policy; conditions it names that are not known never hold. */
  constructor(policy: RetryPolicy) {
    this.policy = policy;
    const on = new Set(policy.retryOn);
    this.#serverErrors = on.has("5xx");
    this.#gatewayErrors = on.has("gateway-error");
    this.#reset = on.has("reset");
    this.#resetBeforeRequest = on.has("reset-before-request");
    this.#connectFailure = on.has("connect-failure");
    this.#refusedStream = on.has("refused-stream");
    this.#conflict = on.has("retriable-4xx");
    this.#rateLimited = on.has("envoy-ratelimited");
    this.#statusCodes = new Set(on.has("retriable-status-codes") ? policy.retriableStatusCodes : []);
    this.#grpcCodes = new Set(policy.retryOn.flatMap((condition) => GRPC_CONDITIONS[condition] ?? []));
    this.#headers = on.has("retriable-headers") ? policy.retriableHeaders.map(compileResponseMatch) : [];
    this.#requestHeaders = policy.retriableRequestHeaders.map(compileRequestHeaderMatch);
  }

  /** Whether anything is ever tried again. */
  get enabled(): boolean {
    return this.policy.retryOn.length > 0;
  }

  /** Whether requests like this one may be tried again at all (`retriable_request_headers`). */
  covers(request: HttpRequest): boolean {
    return this.#requestHeaders.length === 0 || this.#requestHeaders.some((matches) => matches(request));
  }

  /** Whether the policy names that outcome, however many attempts are left. */
  applies(outcome: AttemptOutcome): boolean {
    return outcome.kind === "response"
      ? this.appliesToResponse(outcome.status, outcome.headers)
      : this.#appliesToReset(outcome.reason, outcome.requestStarted);
  }

  /** {@linkcode RetryRules.applies} for a response, without an object in between: every response passes here. */
  appliesToResponse(status: number, headers: HeaderList): boolean {
    if (status < 400 && this.#grpcCodes.size === 0 && this.#headers.length === 0 && this.#statusCodes.size === 0) {
      return false;
    }
    // Envoy: a rate limited response is retried on its own condition and on no other.
    if (headers.has("x-envoy-ratelimited")) return this.#rateLimited;
    if (this.#serverErrors && status >= 500 && status < 600) return true;
    if (this.#gatewayErrors && status >= 502 && status <= 504) return true;
    if (this.#conflict && status === 409) return true;
    if (this.#statusCodes.has(status)) return true;
    if (this.#headers.some((matches) => matches(headers, status))) return true;
    if (this.#grpcCodes.size === 0) return false;
    const grpcStatus = headers.get("grpc-status");
    return grpcStatus !== undefined && this.#grpcCodes.has(grpcStatus);
  }

  #appliesToReset(reason: ResetReason, requestStarted: boolean): boolean {
    if (reason === "overflow") return false;
    if (this.#reset || this.#serverErrors || this.#gatewayErrors) return true;
    if (this.#resetBeforeRequest && !requestStarted) return true;
    if (this.#refusedStream && reason === "remote refused stream reset") return true;
    return this.#connectFailure && CONNECT_FAILURES.has(reason);
  }
}

/** Compiles a match on a response, of which `:status` is a header too. */
function compileResponseMatch(match: HeaderMatch): (headers: HeaderList, status: number) => boolean {
  const holds = compileHeaderMatch(match);
  if (match.name !== ":status") return holds;
  return (_, status) => {
    const text = String(status);
    return holds({ getJoined: () => text, testAny: (_, passes) => passes(text) });
  };
}

const NO_POLICY: RetryPolicy = {
  retryOn: [],
  numRetries: 1,
  perTryTimeoutMs: null,
  perTryIdleTimeoutMs: null,
  retriableStatusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
  previousHosts: false,
  omitCanaryHosts: false,
  omitHostMetadata: [],
  hostSelectionRetryMaxAttempts: 1,
  backoff: null,
  rateLimitedBackoff: null,
  previousPriorities: null,
};

/**
 * The rules of one request: the route's, with what its headers add. `null` where it is not tried again in any case.
 *
 * @param rules The route's rules, `null` for none.
 * @param overrides What the headers say, `null` for nothing.
 */
export function rulesOf(
  rules: RetryRules | null,
  overrides: AttemptOverrides | null,
  request: HttpRequest,
): RetryRules | null {
  if (overrides === null) return rules !== null && rules.enabled && rules.covers(request) ? rules : null;
  const policy = rules?.policy ?? NO_POLICY;
  const names = overrides.headerNames.map((name): HeaderMatch => ({
    name,
    match: { kind: "present", present: true },
    invert: false,
    treatMissingAsEmpty: false,
  }));
  const own = new RetryRules({
    ...policy,
    retryOn: [...policy.retryOn, ...overrides.retryOn],
    numRetries: overrides.numRetries ?? policy.numRetries,
    retriableStatusCodes: [...policy.retriableStatusCodes, ...overrides.statusCodes],
    retriableHeaders: [...policy.retriableHeaders, ...names],
  });
  return own.enabled && own.covers(request) ? own : null;
}

/** What to do after an attempt: `limit_exceeded` is a retry the policy wants and the number forbids (flag `URX`). */
export type RetryDecision = "retry" | "done" | "limit_exceeded";

/** The retries of one request. */
export class RetryState {
  readonly #rules: RetryRules;
  readonly #random: Random;
  #remaining: number;
  #backoff: Backoff | null = null;

  /**
   * @param rules The route's rules.
   * @param random Source of randomness for the back-off.
   */
  constructor(rules: RetryRules, random: Random) {
    this.#rules = rules;
    this.#random = random;
    this.#remaining = rules.policy.numRetries;
  }

  /** The policy it follows. */
  get policy(): RetryPolicy {
    return this.#rules.policy;
  }

  /** Whether the policy names such a response, however many attempts are left. */
  appliesToResponse(status: number, headers: HeaderList, requestHeaders: HeaderList): boolean {
    return this.#rules.appliesToResponse(status, headers) &&
      // What the caller itself sent as early data is its own to send again.
      (status !== TOO_EARLY || !requestHeaders.has("early-data"));
  }

  /** Decides, and counts the retry when there is one. */
  decide(outcome: AttemptOutcome): RetryDecision {
    if (!this.#rules.applies(outcome)) return "done";
    if (this.#remaining <= 0) return "limit_exceeded";
    this.#remaining--;
    return "retry";
  }

  /**
   * Milliseconds until the next attempt: fully jittered exponential back-off from 25 ms, at most ten times the base
   * unless configured; or what a rate limited response asks for, see `rate_limited_retry_back_off`.
   *
   * @param headers Headers of the response that is retried; `null` after a reset.
   * @param now Milliseconds since the epoch, for reset headers that give a time.
   * @param status Status of that response.
   */
  nextDelayMs(headers: HeaderList | null, now: number, status = 0): number {
    if (status === TOO_EARLY) return 0;
    const { backoff, rateLimitedBackoff } = this.#rules.policy;
    for (const { name, format } of headers === null ? [] : rateLimitedBackoff?.resetHeaders ?? []) {
      const value = headers!.get(name);
      if (value === undefined || !/^[0-9]{1,15}$/.test(value)) continue;
      const ms = format === "seconds" ? Number(value) * 1000 : Number(value) * 1000 - now;
      // Envoy adds up to half as much again, and ignores what lies beyond the limit or in the past.
      if (ms > 1 && ms <= rateLimitedBackoff!.maxMs) return ms + ms * 0.5 * this.#random();
    }
    const baseMs = backoff?.baseMs ?? 25;
    this.#backoff ??= new Backoff({ initialMs: baseMs, maxMs: backoff?.maxMs ?? baseMs * 10, random: this.#random });
    return this.#backoff.next();
  }
}
