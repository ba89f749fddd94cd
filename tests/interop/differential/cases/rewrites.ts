import { cluster, type DifferentialCase, type JsonObject } from "../case.ts";
import { answer, to, typed } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));

const TEMPLATE_MATCH = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const TEMPLATE_REWRITE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

function template(
  path_template: string,
  path_template_rewrite: string,
  more: Partial<DifferentialCase>,
): DifferentialCase {
  return {
    name: `actions: template ${path_template} to ${path_template_rewrite}`,
    routes: [
      to("a", {
        path_match_policy: typed("envoy.path.match.uri_template.uri_template_matcher", TEMPLATE_MATCH, {
          path_template,
        }),
      }, {
        path_rewrite_policy: typed("envoy.path.rewrite.uri_template.uri_template_rewriter", TEMPLATE_REWRITE, {
          path_template_rewrite,
        }),
      }),
      answer("no"),
    ],
    requests: [],
    ...more,
  };
}

const regexRewrite = (regex: string, substitution: string) => ({ regex_rewrite: { pattern: { regex }, substitution } });

function rewrites(what: string, match: JsonObject, action: JsonObject, ...given: string[]): DifferentialCase {
  return {
    name: `actions: rewrite ${what}`,
    routes: [to("a", match, action), answer("no")],
    requests: paths(...given),
  };
}

const PATHS: readonly DifferentialCase[] = [
  rewrites("of a prefix", { prefix: "/a" }, { prefix_rewrite: "/new" }, "/a", "/a/b?c=d", "/ab", "/a?x", "/a//b"),
  rewrites("of a prefix to /", { prefix: "/a/" }, { prefix_rewrite: "/" }, "/a/", "/a/b?c=d"),
  rewrites("of a prefix to / with two slashes", { prefix: "/a" }, { prefix_rewrite: "/" }, "/a/b", "/a"),
  rewrites("of / to a prefix", { prefix: "/" }, { prefix_rewrite: "/new/" }, "/", "/b"),
  rewrites(
    "of a prefix in any case",
    { prefix: "/aB", case_sensitive: false },
    { prefix_rewrite: "/x" },
    "/AB/c",
    "/ab",
  ),
  rewrites("of a prefix to itself", { prefix: "/a" }, { prefix_rewrite: "/a" }, "/a/b"),
  rewrites("of an exact path", { path: "/a" }, { prefix_rewrite: "/new" }, "/a", "/a?b=c"),
  rewrites("of a path in any case", { path: "/a", case_sensitive: false }, { prefix_rewrite: "/new" }, "/A?b"),
  rewrites("of a regex match", { safe_regex: { regex: "/a.*" } }, { prefix_rewrite: "/new" }, "/abc?d", "/a/b/c"),
  rewrites("of a separated prefix", { path_separated_prefix: "/a" }, { prefix_rewrite: "/new" }, "/a", "/a/b?c", "/a/"),
  rewrites(
    "of a separated prefix to /",
    { path_separated_prefix: "/a" },
    { prefix_rewrite: "/" },
    "/a",
    "/a/b?c",
    "/a/",
  ),
  rewrites(
    "by a regex",
    { prefix: "/" },
    regexRewrite("^/service/([^/]+)(/.*)$", "\\2/instance/\\1"),
    "/service/foo/v1/api",
    "/x",
  ),
  rewrites("by a regex everywhere", { prefix: "/" }, regexRewrite("one", "two"), "/xxx/one/yyy/one/zzz?one", "/none"),
  rewrites("by a regex of everything", { prefix: "/" }, regexRewrite("^.*$", "/all"), "/a/b?c", "/"),
  rewrites("by a regex in any case", { prefix: "/" }, regexRewrite("(?i)/xxx/", "/yyy/"), "/aaa/XxX/bbb"),
  rewrites("by a regex that matches nothing", { prefix: "/" }, regexRewrite("b*", "-"), "/abba/", "/"),
  rewrites("by a regex to nothing", { prefix: "/" }, regexRewrite("/a", ""), "/a/b", "/a"),
  rewrites("by a regex with a backslash", { prefix: "/" }, regexRewrite("a", "\\\\x\\0"), "/a"),
  {
    name: "actions: rewrite by a regex with a group that is not there",
    routes: [to("a", { prefix: "/" }, regexRewrite("a", "\\1"))],
    requests: [{ path: "/a" }],
    refused: "alike",
  },
  {
    name: "actions: rewrite by prefix and regex is refused",
    routes: [to("a", { prefix: "/" }, { prefix_rewrite: "/x", ...regexRewrite("a", "b") })],
    requests: [{}],
    refused: true,
  },
  {
    name: "actions: rewrite of a path that had been rewritten",
    routes: [to("a", { prefix: "/a" }, { prefix_rewrite: "/b" })],
    requests: [{ path: "/a", headers: [["x-envoy-original-path", "/forged"]] }],
  },
  template("/{a}/x/{rest=**}", "/{rest}/{a}", { requests: paths("/1/x/2/3", "/1/x/", "/1/x/2?q=3", "/1/y/2") }),
  template("/{a=*}/{b=*}", "/{b}-{a}.html", { requests: paths("/1/2", "/%20/b") }),
  template("/a/*", "/b", { requests: paths("/a/1", "/a/1?x") }),
  template("/{a}", "/{b}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "{a}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/x?{a}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/x//{a}/", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/{a", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/a}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/*/{a}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/{a=*}", { requests: paths("/1"), refused: "alike" }),
  template("/{a}", "/{a}{a}", { requests: paths("/1"), refused: "alike" }),
  {
    name: "actions: rewrite by template without a template match",
    routes: [
      to("a", { prefix: "/" }, {
        path_rewrite_policy: typed("envoy.path.rewrite.uri_template.uri_template_rewriter", TEMPLATE_REWRITE, {
          path_template_rewrite: "/x",
        }),
      }),
    ],
    requests: [{ path: "/a" }],
    refused: "alike",
  },
];

function hostRewrites(what: string, action: JsonObject, more: Partial<DifferentialCase> = {}): DifferentialCase {
  return {
    name: `actions: host rewrite ${what}`,
    routes: [to("a", { prefix: "/" }, action)],
    requests: [
      {},
      { path: "/one/two?three" },
      { headers: [["x-host", "from.header:81"]] },
      { headers: [["x-host", ""]] },
      { authority: "new.example" },
      { headers: [["x-forwarded-host", "former.example"]] },
      { headers: [["x-envoy-original-host", "forged.example"]] },
    ],
    ...more,
  };
}

const TWO_HOSTNAMES = {
  ...cluster("with-hostnames", ["a"], { lb_policy: "ROUND_ROBIN" }),
  load_assignment: {
    cluster_name: "with-hostnames",
    endpoints: [{
      lb_endpoints: ["a", "b"].map((name) => ({
        endpoint: {
          hostname: "endpoint.example",
          address: { socket_address: { address: "127.0.0.1", port_value: name } },
        },
      })),
    }],
  },
};

const NAMED_HOSTS = cluster("named-hosts", ["a"], { type: "STRICT_DNS" });
const HOSTNAMES = {
  ...cluster("with-hostname", ["a"]),
  load_assignment: {
    cluster_name: "with-hostname",
    endpoints: [{
      lb_endpoints: [{
        endpoint: {
          hostname: "endpoint.example",
          address: { socket_address: { address: "127.0.0.1", port_value: "a" } },
        },
      }],
    }],
  },
};

const HOSTS: readonly DifferentialCase[] = [
  hostRewrites("to a literal", { host_rewrite_literal: "new.example" }),
  hostRewrites("to a literal, noted", { host_rewrite_literal: "new.example", append_x_forwarded_host: true }),
  hostRewrites("to a literal with a port", { host_rewrite_literal: "new.example:8080" }),
  hostRewrites("to a header", { host_rewrite_header: "X-Host" }),
  hostRewrites("to a header, noted", { host_rewrite_header: "x-host", append_x_forwarded_host: true }),
  hostRewrites("by the path", {
    host_rewrite_path_regex: { pattern: { regex: "^/(.+)/(.+)$" }, substitution: "\\2.\\1" },
  }),
  hostRewrites("to the endpoint without a name", { auto_host_rewrite: true }),
  hostRewrites("to the endpoint", { auto_host_rewrite: true, append_x_forwarded_host: true }, {
    routes: [to("with-hostname", { prefix: "/" }, { auto_host_rewrite: true, append_x_forwarded_host: true })],
    clusters: [HOSTNAMES],
  }),
  hostRewrites("to the name of a DNS endpoint", { auto_host_rewrite: true }, {
    routes: [to("named-hosts", { prefix: "/" }, { auto_host_rewrite: true })],
    clusters: [NAMED_HOSTS],
  }),
  {
    name: "actions: host rewrite to the endpoint at each attempt",
    routes: [
      to("with-hostnames", { prefix: "/" }, {
        auto_host_rewrite: true,
        append_x_forwarded_host: true,
        retry_policy: { retry_on: "5xx", num_retries: 2 },
      }),
    ],
    clusters: [TWO_HOSTNAMES],
    requests: [{ script: ["503", "503", "200"], compare: "stickiness" }],
  },
  hostRewrites("of a weighted cluster and of the route", {}, {
    routes: [{
      match: { prefix: "/" },
      route: {
        weighted_clusters: { clusters: [{ name: "a", weight: 1, host_rewrite_literal: "weighted.example" }] },
        host_rewrite_header: "x-host",
        append_x_forwarded_host: true,
      },
    }],
  }),
  hostRewrites("together with a rewritten path", { host_rewrite_literal: "new.example", prefix_rewrite: "/new/" }),
];

/** How host and path are rewritten. */
export const REWRITE_CASES: readonly DifferentialCase[] = [...PATHS, ...HOSTS];
