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

/** The headers a matcher reads: all values of a name, joined by commas. */
export interface JoinedHeaders {
  /** All values of that (lower-case) name, joined by commas; `undefined` without any. */
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
  readonly headers: JoinedHeaders;
}

/** Compiles a match on plain headers, for example those of a response (`:status` is not among them). */
export function compileHeaderMatch(match: HeaderMatchInput): (headers: JoinedHeaders) => boolean {
  const holds = compileValueMatch(match);
  const name = match.name;
  return (headers) => holds(headers.getJoined(name));
}

/** Compiles a match on a request: `:method`, `:scheme`, `:authority` (or `host`) and `:path` are headers too. */
export function compileRequestHeaderMatch(match: HeaderMatchInput): (request: MatchableRequest) => boolean {
  const holds = compileValueMatch(match);
  const name = match.name;
  switch (name) {
    case ":method":
      return (request) => holds(request.method);
    case ":scheme":
      return (request) => holds(request.scheme);
    case ":authority":
    case "host":
      return (request) => holds(request.authority);
    case ":path":
      return (request) => holds(request.path);
    default:
      return (request) => holds(request.headers.getJoined(name));
  }
}

/**
 * Compiles the comparison itself, as Envoy's `HeaderUtility` does it: a missing header fails every comparison with a
 * value, inverted or not, unless it counts as empty; only presence can be inverted without a value.
 */
function compileValueMatch(input: HeaderMatchInput): (value: string | undefined) => boolean {
  const { match, invert, treatMissingAsEmpty } = input;
  if (match.kind === "present") {
    const wanted = match.present !== invert;
    return treatMissingAsEmpty
      // A missing header counts as an empty one, which is present.
      ? () => wanted
      : (value) => (value !== undefined) === wanted;
  }
  const holds = match.kind === "string" ? compileStringMatch(match.string) : rangeMatch(match.start, match.end);
  if (treatMissingAsEmpty) return (value) => holds(value ?? "") !== invert;
  return (value) => value !== undefined && holds(value) !== invert;
}

/** `[start, end)` on a decimal 64-bit integer. */
function rangeMatch(start: number, end: number): (value: string) => boolean {
  return (value) => {
    if (!/^\s*[-+]?[0-9]{1,19}\s*$/.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}
