import type {
  EnvoyConfigRouteV3HeaderMatcher as HeaderMatcher,
  EnvoyConfigRouteV3QueryParameterMatcher as QueryParameterMatcher,
  EnvoyConfigRouteV3RouteMatch as RouteMatch,
} from "../../protobuf/gen/messages.ts";
import type { HttpMatch } from "../kinds/http_match.ts";
import type { StringMatch } from "../kinds/string_match.ts";
import { stringMatcher } from "./string_matcher.ts";

/** What a request must look like, for Envoy; the parts that istiod decides itself are left out. */
export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return { prefix: "/" };
  const headers: HeaderMatcher[] = [];
  for (const [invert, matches] of [[false, match.headers], [true, match.withoutHeaders]] as const) {
    for (const [name, value] of Object.entries(matches)) headers.push(headerMatcher(name, value, invert));
  }
  headers.sort((a, b) => a.name! === b.name! ? 0 : a.name! < b.name! ? -1 : 1);
  for (const [name, value] of PSEUDO_HEADERS) {
    const given = match[value];
    if (given !== undefined) headers.push(headerMatcher(name, given, false));
  }
  const queryParameters = queryParameterMatchers(match);
  return {
    ...pathSpecifier(match.uri),
    caseSensitive: match.ignoreUriCase ? {} : { value: true },
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParameters.length === 0 ? {} : { queryParameters }),
  };
}

const PSEUDO_HEADERS = [[":method", "method"], [":authority", "authority"], [":scheme", "scheme"]] as const;

/** Whether nothing that follows a route with this match can ever be reached. */
export function isCatchAll({ prefix, safeRegex, headers, queryParameters }: RouteMatch): boolean {
  return (prefix === "/" || safeRegex?.regex === ".*") && headers === undefined && queryParameters === undefined;
}

function pathSpecifier(uri: StringMatch | undefined): RouteMatch {
  switch (uri?.kind) {
    case undefined:
      return { prefix: "/" };
    case "exact":
      return { path: uri!.value };
    case "prefix":
      return { prefix: uri!.value };
    case "regex":
      return { safeRegex: { regex: uri!.value } };
  }
}

function headerMatcher(name: string, match: StringMatch | null, invert: boolean): HeaderMatcher {
  return {
    name,
    ...(match === null ? { presentMatch: true } : { stringMatch: stringMatcher(match) }),
    ...(invert ? { invertMatch: true } : {}),
    // A header that is not there differs from every value.
    ...(invert && match !== null ? { treatMissingHeaderAsEmpty: true } : {}),
  };
}

function queryParameterMatchers({ queryParams }: HttpMatch): QueryParameterMatcher[] {
  return Object.keys(queryParams).sort().map((name) => {
    const match = queryParams[name]!;
    return { name, ...(match === null ? { presentMatch: true } : { stringMatch: stringMatcher(match) }) };
  });
}
