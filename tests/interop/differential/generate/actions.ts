import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, header } from "../routes.ts";
import type { Source } from "./source.ts";
import { headerName, headers, path, pathMatch, request } from "./vocabulary.ts";

const REWRITES: readonly (readonly [regex: string, substitution: string])[] = [
  ["^/([^/]+)/(.*)$", "/\\2/\\1"],
  ["a", "b"],
  ["/+", "/"],
  ["^/", "/new/"],
  ["[0-9]+", "<\\0>"],
  ["(?i)ab", "\\\\"],
  ["(x)?b", "[\\1]"],
];

function regexRewrite(source: Source): JsonObject {
  const [regex, substitution] = source.pick(REWRITES);
  return { pattern: { regex }, substitution };
}

function pathRewrite(source: Source): JsonObject {
  switch (source.below(3)) {
    case 0:
      return { prefix_rewrite: source.pick(["/", "/new", "/new/", "/a/b"]) };
    case 1:
      return { regex_rewrite: regexRewrite(source) };
    default:
      return {};
  }
}

function hostRewrite(source: Source): JsonObject {
  return source.pick<JsonObject>([
    {},
    {},
    { host_rewrite_literal: "new.example" },
    { host_rewrite_header: headerName(source) },
    { host_rewrite_path_regex: { pattern: { regex: "^/([a-z]+).*$" }, substitution: "\\1.example" } },
    { auto_host_rewrite: true },
  ]);
}

/** Forwarding routes that rewrite hosts and paths. */
export function rewriteCase(source: Source, name: string): DifferentialCase {
  const routes = source.list(1, 4, () => ({
    match: pathMatch(source),
    route: {
      cluster: source.pick(["a", "b", "c"]),
      ...pathRewrite(source),
      ...hostRewrite(source),
      ...source.maybe(0.3, () => ({ append_x_forwarded_host: true })),
      ...source.maybe(0.2, () => ({ request_mirror_policies: [{ cluster: "d" }] })),
    },
  }));
  return {
    name,
    refused: "alike",
    routes: [...routes, answer("rest")],
    requests: source.list(10, 10, () => request(source)),
  };
}

/** Routes that redirect. */
export function redirectCase(source: Source, name: string): DifferentialCase {
  const routes = source.list(1, 4, () => ({
    match: pathMatch(source),
    redirect: {
      ...source.pick<JsonObject>([{}, {}, { https_redirect: true }, { scheme_redirect: "https" }]),
      ...source.maybe(0.4, () => ({ host_redirect: source.pick(["new.example", "new.example:81"]) })),
      ...source.maybe(0.3, () => ({ port_redirect: source.pick([80, 443, 8080]) })),
      ...source.pick<() => JsonObject>([
        () => ({}),
        () => ({ path_redirect: source.pick(["/new", "/new?x=y", path(source)]) }),
        () => ({ prefix_rewrite: source.pick(["/", "/new", "/new/"]) }),
        () => ({ regex_rewrite: regexRewrite(source) }),
      ])(),
      ...source.maybe(0.3, () => ({ strip_query: true })),
      ...source.maybe(0.5, () => ({
        response_code: source.pick(["FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"]),
      })),
    },
  }));
  return {
    name,
    routes: [...routes, answer("rest")],
    refused: "alike",
    requests: source.list(10, 10, () => ({
      ...request(source),
      authority: source.pick(["test.example", "test.example:80", "test.example:443", "test.example:8080", "[::1]:80"]),
      ...source.maybe(0.2, () => ({ headers: [["x-forwarded-proto", "https"]] as const })),
    })),
  };
}

const ACTIONS = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"];
const FORMATS = [
  "plain",
  "",
  "%REQ(x-a)%",
  "%REQ(x-b?:path)%",
  "%REQ(:authority):4%",
  "%RESP(x-a)%",
  "%PROTOCOL%",
  "%ROUTE_NAME%",
  "%UPSTREAM_CLUSTER%",
  "[%REQ(x-none)%]",
  "100%%",
  "%RESPONSE_CODE%-%RESPONSE_FLAGS%",
  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%UPSTREAM_REMOTE_ADDRESS%",
];

function mutations(source: Source): JsonObject {
  const add = () =>
    source.list(0, 3, () =>
      header(
        headerName(source),
        source.pick(FORMATS),
        source.pick(ACTIONS),
        source.chance(0.3) ? { keep_empty_value: true } : {},
      ));
  const remove = () => source.list(0, 1, () => headerName(source));
  return {
    request_headers_to_add: add(),
    request_headers_to_remove: remove(),
    response_headers_to_add: add(),
    response_headers_to_remove: remove(),
  };
}

/** Header changes at every level. */
export function headerCase(source: Source, name: string): DifferentialCase {
  const weighted = source.chance(0.4);
  const cluster = source.pick(["a", "b", "dead", "empty"]);
  const action = weighted
    ? { weighted_clusters: { clusters: [{ name: cluster, weight: 1, ...mutations(source) }] } }
    : { cluster };
  return {
    name,
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...mutations(source),
      ...source.maybe(0.3, () => ({ include_request_attempt_count: true })),
      ...source.maybe(0.3, () => ({ include_attempt_count_in_response: true })),
      routes: [
        { name: "forwards", match: { prefix: "/a" }, route: action, ...mutations(source) },
        { name: "answers", ...answer("text"), ...mutations(source) },
      ],
    }],
    routeConfig: { ...mutations(source), most_specific_header_mutations_wins: source.chance(0.5) },
    requests: source.list(6, 6, () => ({
      ...request(source),
      script: [
        `${source.pick([200, 404, 503])} ${
          source.list(0, 3, () => `${headerName(source)}=${source.below(9)}`).join(" ")
        }`.trim(),
      ],
    })),
  };
}

/** Hash policies on consistent balancers: the same keys lead to the same backends. */
export function hashCase(source: Source, name: string): DifferentialCase {
  const hash_policy = source.list(1, 3, () => ({
    ...source.pick<() => JsonObject>([
      () => ({ header: { header_name: headerName(source) } }),
      () => ({
        header: {
          header_name: source.pick([headerName(source), ":path", ":authority", ":method"]),
          ...source.maybe(0.4, () => ({ regex_rewrite: regexRewrite(source) })),
        },
      }),
      () => ({ query_parameter: { name: source.pick(["q", "r"]) } }),
      () => ({ cookie: { name: "k" } }),
    ])(),
    ...source.maybe(0.3, () => ({ terminal: true })),
  }));
  // The last resort is the same for all, so that no request is without a hash.
  hash_policy.push({ connection_properties: { source_ip: true } } as never);
  return {
    name,
    routes: [{ match: { prefix: "/" }, route: { cluster: source.pick(["ring", "maglev"]), hash_policy } }],
    requests: source.list(8, 8, () => ({
      ...request(source),
      headers: [...headers(source), ...(source.chance(0.3) ? [["cookie", `k=${source.below(5)}`] as const] : [])],
    })),
  };
}

/** Traffic that is split, with changes for each cluster. */
export function weightCase(source: Source, name: string): DifferentialCase {
  const clusters = source.list(2, 4, (index) => ({
    name: ["a", "b", "c", "d"][index]!,
    weight: 1 + source.below(20),
    request_headers_to_add: [header("x-cluster", String(index))],
    ...source.maybe(0.3, () => ({ host_rewrite_literal: `${index}.example` })),
  }));
  return {
    name,
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } }],
    requests: [{ times: 120, compare: "proportions" }],
  };
}
