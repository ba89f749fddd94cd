import { compileStringMatch, type StringMatchInput } from "./string_matcher.ts";

/** How a header is matched; `resource/route.ts` calls the same shape `HeaderMatch`. */
export interface HeaderMatchInput {
  /** Lower case; pseudo-headers (`:path`) where the matched thing is a request. */
  readonly name: string;
  /** What its value must be, or whether it must be there. */
  readonly match:
    | { readonly kind: "string"; readonly string: StringMatchInput }
    | { readonly kind: "range"; readonly start: number; readonly end: number }
    | { readonly kind: "present"; readonly present: boolean };
  /** Turns the outcome round. */
  readonly invert: boolean;
  /** Whether a missing header is compared as an empty one. */
  readonly treatMissingAsEmpty: boolean;
}

/** The headers a matcher reads. */
export interface MatchableHeaders {
  /** Whether any value of that (lower-case) name passes; `null` without any. */
  testAny(name: string, passes: (value: string) => boolean): boolean | null;
  /** All values of that name, joined by commas; `undefined` without any. */
  getJoined(name: string): string | undefined;
}

/** The request a matcher reads; `HttpRequest` has this shape. */
export interface MatchableRequest {
  /** `:method`. */
  readonly method: string;
  /** `:scheme`. */
  readonly scheme: string;
  /** `:authority`. */
  readonly authority: string;
  /** `:path`, with its query. */
  readonly path: string;
  /** All other headers. */
  readonly headers: MatchableHeaders;
}

/** Compiles a match on plain headers, for example those of a response (`:status` is not among them). */
export function compileHeaderMatch(match: HeaderMatchInput): (headers: MatchableHeaders) => boolean {
  const { name, passes, decide } = compileValueMatch(match);
  return (headers) => decide(headers.testAny(name, passes));
}

/** Compiles a match on a request: `:method`, `:scheme`, `:authority` (or `host`) and `:path` are headers too. */
export function compileRequestHeaderMatch(match: HeaderMatchInput): (request: MatchableRequest) => boolean {
  const { name, passes, decide } = compileValueMatch(match);
  switch (name) {
    case ":method":
      return (request) => decide(passes(request.method));
    case ":scheme":
      return (request) => decide(passes(request.scheme));
    case ":authority":
    case "host":
      return (request) => decide(passes(request.authority));
    case ":path":
      return (request) => decide(passes(request.path));
  }
  if (JOINED.has(name)) {
    return ({ headers }) => {
      const value = headers.getJoined(name);
      return decide(value === undefined ? null : passes(value));
    };
  }
  return ({ headers }) => decide(headers.testAny(name, passes));
}

/**
 * Request headers that Envoy 1.40 holds in one field: values that repeat are joined by a comma before anything sees
 * them. Seen by sending each of them twice.
 */
const JOINED: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "access-control-request-headers",
  "access-control-request-method",
  "authorization",
  "cache-control",
  "cdn-loop",
  "content-type",
  "grpc-accept-encoding",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "origin",
  "pragma",
  "referer",
  "user-agent",
  "via",
  "x-client-trace-id",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-external-address",
  "x-envoy-original-host",
  "x-envoy-original-path",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-request-id",
]);

interface ValueMatch {
  readonly name: string;
  readonly passes: (value: string) => boolean;
  /** The outcome, by whether any value passed; `null` where there is none. */
  readonly decide: (passed: boolean | null) => boolean;
}

/**
 * Compiles the comparison itself, as Envoy's `HeaderUtility` does it: of a header that repeats, one value has to pass
 * (inverted: none may). A missing header fails every comparison with a value, inverted or not, unless it counts as
 * empty; only presence can be inverted without a value.
 */
function compileValueMatch(input: HeaderMatchInput): ValueMatch {
  const { name, match, invert, treatMissingAsEmpty } = input;
  if (match.kind === "present") {
    const wanted = match.present !== invert;
    // A missing header counts as an empty one, which is present.
    const decide = treatMissingAsEmpty ? () => wanted : (passed: boolean | null) => (passed !== null) === wanted;
    return { name, passes: () => true, decide };
  }
  const passes = match.kind === "string" ? compileStringMatch(match.string) : rangeMatch(match.start, match.end);
  const missing = treatMissingAsEmpty && passes("") !== invert;
  return { name, passes, decide: (passed) => passed === null ? missing : passed !== invert };
}

/** `[start, end)` on a decimal 64-bit integer. */
function rangeMatch(start: number, end: number): (value: string) => boolean {
  return (value) => {
    if (!/^\s*[-+]?[0-9]{1,19}\s*$/.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}
