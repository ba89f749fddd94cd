import type { CaseRequest, JsonObject } from "../case.ts";
import { typed } from "../routes.ts";
import type { Source } from "./source.ts";

/** Words that generated matchers and requests share, so that they meet. */
const SEGMENTS = ["a", "b", "ab", "A", "v1", "x.css", "a-b", "a_b", "%20", "7"];
const HEADER_NAMES = ["x-a", "x-b", "x-c"];
const VALUES = ["", "a", "b", "ab", "A", "1", "5", "10", "-3", "a,b", "a b", "v1.2"];
const QUERY_NAMES = ["q", "r"];
/** Methods of generated requests. */
const METHODS = ["GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE"];
const TEMPLATE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const REGEXES = [
  ".*",
  ".+",
  "/a.*",
  "/[ab]+",
  "/(a|b)/.*",
  "/.*\\.css",
  "/a(/.*)?",
  "(?i)/ab",
  "/\\w+/v\\d",
  "/a",
  "/a-b/?",
];
const VALUE_REGEXES = [".*", ".+", "a|b", "[0-9]+", "a.?", "(?i)a", "v\\d\\.\\d", "[^,]*"];

/** A path. */
export function path(source: Source): string {
  return `/${source.list(0, 3, () => source.pick(SEGMENTS)).join("/")}${source.chance(0.15) ? "/" : ""}`;
}

/** A path with, perhaps, a query. */
export function target(source: Source): string {
  if (!source.chance(0.5)) return path(source);
  const pairs = source.list(1, 3, () => {
    const name = source.pick(QUERY_NAMES);
    return source.chance(0.2) ? name : `${name}=${encodeURIComponent(source.pick(VALUES))}`;
  });
  return `${path(source)}?${pairs.join("&")}`;
}

/** Headers of the vocabulary; a name may repeat. */
export function headers(source: Source): [string, string][] {
  return source.list(0, 4, () => [source.pick(HEADER_NAMES), source.pick(VALUES)]);
}

/** A name of a header of the vocabulary. */
export function headerName(source: Source): string {
  return source.pick(HEADER_NAMES);
}

/** A request in words of the vocabulary. */
export function request(source: Source): CaseRequest {
  const method = source.pick(METHODS);
  return {
    method,
    path: target(source),
    headers: headers(source),
    ...(method === "POST" || method === "PUT" ? { body: source.pick(["x", "content", "a=b"]) } : {}),
  };
}

/** A comparison with a string. */
function stringMatch(source: Source, values: readonly string[]): JsonObject {
  if (source.chance(0.25)) return { safe_regex: { regex: source.pick(VALUE_REGEXES) } };
  const kind = source.pick(["exact", "prefix", "suffix", "contains"]);
  // Envoy wants something to look for in all but exact comparisons.
  const value = source.pick(kind === "exact" ? values : values.filter((value) => value !== ""));
  return { [kind]: value, ...source.maybe(0.3, () => ({ ignore_case: true })) };
}

function headerMatch(source: Source): JsonObject {
  const matcher: JsonObject = source.pick([
    () => ({ string_match: stringMatch(source, VALUES) }),
    () => ({ string_match: stringMatch(source, VALUES) }),
    () => ({ range_match: { start: source.below(8) - 4, end: source.below(12) } }),
    () => ({ present_match: source.chance(0.6) }),
  ])();
  return {
    name: source.chance(0.1) ? ":method" : source.pick(HEADER_NAMES),
    ...matcher,
    ...source.maybe(0.3, () => ({ invert_match: true })),
    ...source.maybe(0.3, () => ({ treat_missing_header_as_empty: true })),
  };
}

function queryMatch(source: Source): JsonObject {
  return {
    name: source.pick(QUERY_NAMES),
    ...(source.chance(0.6) ? { string_match: stringMatch(source, VALUES) } : { present_match: source.chance(0.6) }),
  };
}

/** A condition on the path alone. */
export function pathMatch(source: Source): JsonObject {
  const insensitive = source.maybe(0.2, () => ({ case_sensitive: false }));
  switch (source.below(6)) {
    case 0:
    case 1:
      return { prefix: path(source), ...insensitive };
    case 2:
      return { path: path(source), ...insensitive };
    case 3:
      return { safe_regex: { regex: source.pick(REGEXES) } };
    case 4:
      return { path_separated_prefix: `/${source.list(1, 2, () => source.pick(SEGMENTS)).join("/")}`, ...insensitive };
    default: {
      const names = ["one", "two", "three"];
      const parts = source.list(
        1,
        3,
        (index) => source.pick([source.pick(SEGMENTS), "*", `{${names[index]}}`, `{${names[index]}=*}`]),
      );
      if (source.chance(0.3)) parts.push(source.pick(["**", "{rest=**}"]));
      return {
        path_match_policy: typed("envoy.path.match.uri_template.uri_template_matcher", TEMPLATE, {
          path_template: `/${parts.join("/")}`,
        }),
      };
    }
  }
}

/** Any match. */
export function routeMatch(source: Source): JsonObject {
  return {
    ...pathMatch(source),
    ...source.maybe(0.45, () => ({ headers: source.list(1, 2, () => headerMatch(source)) })),
    ...source.maybe(0.25, () => ({ query_parameters: source.list(1, 2, () => queryMatch(source)) })),
  };
}
