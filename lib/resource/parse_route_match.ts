import type {
  EnvoyConfigRouteV3HeaderMatcher,
  EnvoyConfigRouteV3QueryParameterMatcher,
  EnvoyConfigRouteV3RouteMatch,
  EnvoyTypeMatcherV3MetadataMatcher,
} from "../protobuf/gen/messages.ts";
import { compilePathTemplate } from "../matcher/path_template.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { flag, parseFraction, parseRegex, parseStringMatch, required } from "./parse_common.ts";
import type { HeaderMatch, QueryParameterMatch, RouteMatch } from "./route.ts";

const URI_TEMPLATE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

/** A match, and whether a condition of it is unsupported: it then matches too much, and the route must refuse. */
export interface ParsedMatch {
  readonly match: RouteMatch;
  readonly refuses: boolean;
}

/** Reads when a route applies. */
export function parseRouteMatch(
  issues: Issues,
  path: string,
  match: EnvoyConfigRouteV3RouteMatch | undefined,
): ParsedMatch {
  const before = issues.unsupported.length;
  if (match?.tlsContext !== undefined) issues.unsupport(`${path}.tls_context`, "tls_context");
  const fraction = match?.runtimeFraction;
  const parsed: RouteMatch = {
    path: parsePath(issues, path, match ?? {}),
    caseSensitive: flag(match?.caseSensitive, true),
    headers: parseHeaderMatches(issues, `${path}.headers`, match?.headers),
    queryParameters: (match?.queryParameters ?? []).map((parameter, index) =>
      parseQueryParameter(issues, `${path}.query_parameters[${index}]`, parameter)
    ),
    runtimeFraction: fraction === undefined
      ? null
      : parseFraction(issues, `${path}.runtime_fraction.default_value`, fraction.defaultValue),
    grpc: match?.grpc !== undefined,
    dynamicMetadata: (match?.dynamicMetadata ?? [])
      .map((matcher, index) => parseDynamicMetadata(issues, `${path}.dynamic_metadata[${index}]`, matcher))
      .filter((matcher) => matcher !== null),
  };
  return { match: parsed, refuses: issues.unsupported.length > before };
}

function parsePath(issues: Issues, path: string, match: EnvoyConfigRouteV3RouteMatch): RouteMatch["path"] {
  if (match.prefix !== undefined) return { kind: "prefix", value: match.prefix };
  if (match.path !== undefined) return { kind: "path", value: match.path };
  if (match.safeRegex !== undefined) {
    return { kind: "regex", value: parseRegex(issues, `${path}.safe_regex`, match.safeRegex) };
  }
  if (match.pathSeparatedPrefix !== undefined) {
    if (!/^[^?#]+[^?#/]$/.test(match.pathSeparatedPrefix)) {
      issues.invalid(
        `${path}.path_separated_prefix`,
        "it must be a path without a query and without '/' at its end",
        match.pathSeparatedPrefix,
      );
    }
    return { kind: "path_separated_prefix", value: match.pathSeparatedPrefix };
  }
  if (match.connectMatcher !== undefined) return { kind: "connect" };
  if (match.pathMatchPolicy !== undefined) {
    const any = match.pathMatchPolicy.typedConfig;
    const value = any === undefined ? null : parseTemplate(issues, `${path}.path_match_policy`, any);
    if (value !== null) return { kind: "template", value };
    issues.unsupport(`${path}.path_match_policy`, any?.typeUrl ?? match.pathMatchPolicy.name ?? "");
    return { kind: "prefix", value: "/" };
  }
  issues.invalid(path, "it must say which paths match");
  return { kind: "prefix", value: "/" };
}

function parseTemplate(issues: Issues, path: string, any: { typeUrl?: string; value?: Uint8Array }): string | null {
  if (messageName(any.typeUrl ?? "") !== URI_TEMPLATE) return null;
  try {
    const template = required(issues, `${path}.typed_config.path_template`, unpackAny(URI_TEMPLATE, any).pathTemplate);
    compilePathTemplate(template);
    return template;
  } catch (error) {
    issues.invalid(`${path}.typed_config`, `it cannot be read (${reasonOf(error)})`);
    return "";
  }
}

/** Reads header matchers, of routes and of retry policies. An unsupported one is reported and left out. */
export function parseHeaderMatches(
  issues: Issues,
  path: string,
  matchers: readonly EnvoyConfigRouteV3HeaderMatcher[] | undefined,
): HeaderMatch[] {
  const out: HeaderMatch[] = [];
  for (const [index, matcher] of (matchers ?? []).entries()) {
    const match = parseHeaderValue(issues, `${path}[${index}]`, matcher);
    if (match === null) continue;
    out.push({
      name: required(issues, `${path}[${index}].name`, matcher.name).toLowerCase(),
      match,
      invert: matcher.invertMatch ?? false,
      treatMissingAsEmpty: matcher.treatMissingHeaderAsEmpty ?? false,
    });
  }
  return out;
}

function parseHeaderValue(
  issues: Issues,
  path: string,
  matcher: EnvoyConfigRouteV3HeaderMatcher,
): HeaderMatch["match"] | null {
  if (matcher.rangeMatch !== undefined) {
    // A range that ends before it begins holds nothing, and Envoy takes it so.
    const { start = 0, end = 0 } = matcher.rangeMatch;
    return { kind: "range", start, end };
  }
  if (matcher.stringMatch !== undefined) {
    const string = parseStringMatch(issues, `${path}.string_match`, matcher.stringMatch);
    return string === null ? null : { kind: "string", string };
  }
  // The deprecated fields say the same as `string_match`.
  for (const kind of ["exact", "prefix", "suffix", "contains"] as const) {
    const value = matcher[`${kind}Match`];
    if (value !== undefined) return { kind: "string", string: { kind, value, ignoreCase: false } };
  }
  if (matcher.safeRegexMatch !== undefined) {
    const value = parseRegex(issues, `${path}.safe_regex_match`, matcher.safeRegexMatch);
    return { kind: "string", string: { kind: "regex", value, ignoreCase: false } };
  }
  // Envoy: without any of these the header must be present.
  return { kind: "present", present: matcher.presentMatch ?? true };
}

function parseQueryParameter(
  issues: Issues,
  path: string,
  parameter: EnvoyConfigRouteV3QueryParameterMatcher,
): QueryParameterMatch {
  const name = required(issues, `${path}.name`, parameter.name);
  const string = parameter.stringMatch === undefined
    ? null
    : parseStringMatch(issues, `${path}.string_match`, parameter.stringMatch);
  return { name, match: string ?? { kind: "present", present: parameter.presentMatch ?? true } };
}

function parseDynamicMetadata(
  issues: Issues,
  path: string,
  matcher: EnvoyTypeMatcherV3MetadataMatcher,
): RouteMatch["dynamicMetadata"][number] | null {
  let value: RouteMatch["dynamicMetadata"][number]["value"] | null = null;
  if (matcher.value?.stringMatch !== undefined) {
    value = parseStringMatch(issues, `${path}.value.string_match`, matcher.value.stringMatch);
  } else if (matcher.value?.presentMatch !== undefined) {
    value = { kind: "present", present: matcher.value.presentMatch };
  } else {
    issues.unsupport(`${path}.value`, Object.keys(matcher.value ?? {}).join(", "));
  }
  const keys = (matcher.path ?? []).map((segment, index) =>
    required(issues, `${path}.path[${index}].key`, segment.key)
  );
  if (keys.length === 0) issues.invalid(`${path}.path`, "it must not be empty");
  return value === null ? null : {
    filter: required(issues, `${path}.filter`, matcher.filter),
    path: keys,
    value,
    invert: matcher.invert ?? false,
  };
}
