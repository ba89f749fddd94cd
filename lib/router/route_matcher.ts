import { hasGrpcContentType } from "../formatter/grpc_status.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Random, randomInt } from "../internal/random.ts";
import { compileRequestHeaderMatch } from "../matcher/header_matcher.ts";
import { compileRegex } from "../matcher/regex.ts";
import { compileStringMatch } from "../matcher/string_matcher.ts";
import type { QueryParameterMatch, RouteMatch } from "../resource/route.ts";
import { compilePathTemplate } from "../matcher/path_template.ts";
import { queryParameter } from "./request_path.ts";

/** Metadata set by filters, by namespace. */
export type DynamicMetadata = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/**
 * Decides whether a route applies.
 *
 * @param request The request.
 * @param path Its path without query and fragment (computed once for all routes).
 * @param random Source of randomness, for runtime fractions.
 * @param metadata Dynamic metadata; `null` for none.
 */
export type RouteMatcher = (
  request: HttpRequest,
  path: string,
  random: Random,
  metadata: DynamicMetadata | null,
) => boolean;

/**
 * Compiles `envoy.config.route.v3.RouteMatch`. A plain path condition, the usual case, is one comparison.
 *
 * @throws {SyntaxError} When a pattern is not valid; the parser of resources refuses those beforehand.
 */
export function compileRouteMatch(match: RouteMatch): RouteMatcher {
  const path = compilePath(match);
  const conditions = compileConditions(match);
  if (conditions.length === 0) return path;
  return (request, realPath, random, metadata) =>
    path(request, realPath, random, metadata) &&
    conditions.every((condition) => condition(request, realPath, random, metadata));
}

function compilePath({ path, caseSensitive }: RouteMatch): RouteMatcher {
  if (path.kind === "connect") return (request) => request.method === "CONNECT";
  const { kind, value } = path;
  switch (kind) {
    case "regex": {
      const regex = compileRegex(value);
      return (_, path) => regex.matches(path);
    }
    case "template": {
      const template = compilePathTemplate(value);
      return (_, path) => template.matches(path);
    }
  }
  const holds = literalPath(kind, caseSensitive ? value : value.toLowerCase());
  return caseSensitive ? (_, path) => holds(path) : (_, path) => holds(path.toLowerCase());
}

function literalPath(kind: "prefix" | "path" | "path_separated_prefix", value: string): (path: string) => boolean {
  switch (kind) {
    case "prefix":
      return (path) => path.startsWith(value);
    case "path":
      return (path) => path === value;
    case "path_separated_prefix":
      return (path) => path.startsWith(value) && (path.length === value.length || path[value.length] === "/");
  }
}

function compileConditions(match: RouteMatch): RouteMatcher[] {
  const conditions: RouteMatcher[] = [];
  const { runtimeFraction } = match;
  if (runtimeFraction !== null) {
    const { numerator, denominator } = runtimeFraction;
    conditions.push((_, __, random) => randomInt(random, denominator) < numerator);
  }
  if (match.grpc) conditions.push((request) => hasGrpcContentType(request.headers));
  conditions.push(...match.headers.map(compileRequestHeaderMatch));
  conditions.push(...match.queryParameters.map(compileQueryParameter));
  conditions.push(...match.dynamicMetadata.map(compileMetadata));
  return conditions;
}

function compileQueryParameter({ name, match }: QueryParameterMatch): RouteMatcher {
  if (match.kind === "present") {
    const { present } = match;
    return (request) => (queryParameter(request.path, name) !== null) === present;
  }
  const holds = compileStringMatch(match);
  return (request) => {
    const value = queryParameter(request.path, name);
    return value !== null && holds(value);
  };
}

function compileMetadata({ filter, path, value, invert }: RouteMatch["dynamicMetadata"][number]): RouteMatcher {
  const holds = compileMetadataValue(value);
  return (_, __, ___, metadata) => {
    let at: unknown = metadata?.get(filter);
    for (const key of path) {
      at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined;
    }
    return holds(at) !== invert;
  };
}

function compileMetadataValue(value: RouteMatch["dynamicMetadata"][number]["value"]): (found: unknown) => boolean {
  if (value.kind === "present") return (found) => (found !== undefined) === value.present;
  const holds = compileStringMatch(value);
  const holdsAny = (found: unknown): boolean =>
    typeof found === "string" ? holds(found) : Array.isArray(found) && found.some(holdsAny);
  return holdsAny;
}
