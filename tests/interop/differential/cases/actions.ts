import { cluster, type DifferentialCase, type JsonObject } from "../case.ts";
import { answer, header, redirect, to, typed } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));

/** Requests of all kinds for one redirect. */
function redirects(what: string, action: JsonObject, match: JsonObject = { prefix: "/old" }): DifferentialCase {
  return {
    name: `actions: redirect ${what}`,
    routes: [redirect(action, match), answer("no")],
    requests: [
      ...paths("/old", "/old/a?b=c", "/older", "/old?", "/OLD/x"),
      { authority: "test.example:80", path: "/old" },
      { authority: "test.example:443", path: "/old" },
      { authority: "test.example:8080", path: "/old/x" },
      { authority: "[::1]:80", path: "/old" },
      { authority: "[::1]", path: "/old" },
      { path: "/old", headers: [["x-forwarded-proto", "https"]] },
      { path: "/old", authority: "test.example:443", headers: [["x-forwarded-proto", "https"]] },
      { method: "POST", path: "/old", body: "x" },
      { method: "HEAD", path: "/old" },
    ],
  };
}

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

const CHOICE: readonly DifferentialCase[] = [
  {
    name: "actions: a cluster",
    routes: [to("a")],
    requests: [{}, { method: "POST", body: "content" }, { method: "HEAD" }],
  },
  {
    name: "actions: a cluster that does not exist",
    routes: [to("nowhere")],
    routeConfig: { validate_clusters: false },
    requests: [{}, { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] }],
  },
  ...["SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"].map((code) => ({
    name: `actions: a cluster that does not exist answers ${code}`,
    routes: [to("nowhere", { prefix: "/" }, { cluster_not_found_response_code: code })],
    routeConfig: { validate_clusters: false },
    requests: [{}],
  })),
  { name: "actions: a cluster without endpoints", routes: [to("empty")], requests: [{}] },
  { name: "actions: a cluster where nobody listens", routes: [to("dead")], requests: [{}] },
  {
    name: "actions: a cluster named by a header",
    routes: [{ match: { prefix: "/" }, route: { cluster_header: "X-Cluster" } }],
    requests: [
      { headers: [["x-cluster", "b"]] },
      { headers: [["x-cluster", "nowhere"]] },
      { headers: [["x-cluster", ""]] },
      {},
      { headers: [["x-cluster", "a"], ["x-cluster", "b"]] },
    ],
  },
  {
    name: "actions: weighted clusters",
    routes: [{
      match: { prefix: "/" },
      route: {
        weighted_clusters: {
          clusters: [
            {
              name: "a",
              weight: 1,
              request_headers_to_add: [header("x-to", "a")],
              response_headers_to_add: [header("x-from", "a")],
            },
            {
              name: "b",
              weight: 3,
              request_headers_to_remove: ["x-drop"],
              response_headers_to_remove: ["x-backend"],
              host_rewrite_literal: "b.example",
            },
            { name: "c", weight: 0 },
          ],
        },
      },
    }],
    requests: [{ headers: [["x-drop", "1"]], times: 300, compare: "proportions" }],
  },
  {
    name: "actions: one weight takes all",
    routes: [{
      match: { prefix: "/" },
      route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }, { name: "b", weight: 7 }] } },
    }],
    requests: [{ times: 20 }],
  },
  {
    name: "actions: weights that are all 0 are refused",
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } } }],
    requests: [{}],
    refused: true,
  },
  {
    name: "actions: a weighted cluster named by a header",
    routes: [{
      match: { prefix: "/" },
      route: { weighted_clusters: { clusters: [{ cluster_header: "x-cluster", weight: 1 }] } },
    }],
    requests: [{ headers: [["x-cluster", "b"]] }, {}, { headers: [["x-cluster", "nowhere"]] }],
  },
  {
    name: "actions: headers of a weighted cluster come before those of the route",
    routes: [{
      match: { prefix: "/" },
      route: {
        weighted_clusters: {
          clusters: [{
            name: "a",
            weight: 1,
            request_headers_to_add: [header("x-level", "cluster")],
            response_headers_to_add: [header("x-level", "cluster")],
          }],
        },
      },
      request_headers_to_add: [header("x-level", "route")],
      response_headers_to_add: [header("x-level", "route")],
    }],
    requests: [{}],
  },
];

const REDIRECTS: readonly DifferentialCase[] = [
  redirects("to nothing new", {}),
  redirects("to https", { https_redirect: true }),
  redirects("to a scheme", { scheme_redirect: "ftp" }),
  redirects("to a scheme in capitals", { scheme_redirect: "HTTPS" }),
  redirects("to a host", { host_redirect: "new.example" }),
  redirects("to a host with a port", { host_redirect: "new.example:81" }),
  redirects("to a port", { port_redirect: 8443 }),
  redirects("to a host and port", { host_redirect: "new.example", port_redirect: 8443 }),
  redirects("to https and a port", { https_redirect: true, port_redirect: 443 }),
  redirects("to port 80", { port_redirect: 80 }),
  redirects("to a path", { path_redirect: "/new" }),
  redirects("to a path with a query", { path_redirect: "/new?x=y" }),
  redirects("to a path without the query", { path_redirect: "/new", strip_query: true }),
  redirects("to a path with a query, stripped", { path_redirect: "/new?x=y", strip_query: true }),
  redirects("to another prefix", { prefix_rewrite: "/new" }),
  redirects("to another prefix with a query", { prefix_rewrite: "/new?x=y" }),
  redirects("to another prefix without the query", { prefix_rewrite: "/", strip_query: true }),
  redirects("to an empty prefix", { prefix_rewrite: "" }),
  redirects("by a regex", { regex_rewrite: { pattern: { regex: "^/(old)/?(.*)$" }, substitution: "/\\2/\\1" } }),
  redirects("by a regex without the query", {
    regex_rewrite: { pattern: { regex: "o" }, substitution: "0" },
    strip_query: true,
  }),
  redirects("of an exact path", { prefix_rewrite: "/new" }, { path: "/old" }),
  redirects("of a separated prefix", { prefix_rewrite: "/new" }, { path_separated_prefix: "/old" }),
  redirects("of a regex match", { prefix_rewrite: "/new" }, { safe_regex: { regex: "/old.*" } }),
  redirects("of a prefix in any case", { prefix_rewrite: "/new" }, { prefix: "/old", case_sensitive: false }),
  ...["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"].map((response_code) => ({
    name: `actions: redirect with ${response_code}`,
    routes: [redirect({ path_redirect: "/new", response_code })],
    requests: [{ path: "/old?q" }],
  })),
  {
    name: "actions: redirect with headers of route and virtual host",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      response_headers_to_add: [header("x-vh", "%PROTOCOL%")],
      routes: [{
        ...redirect({ path_redirect: "/new" }),
        response_headers_to_add: [header("x-route", "%REQ(:path)%")],
      }],
    }],
    requests: [{ path: "/old" }],
  },
];

const DIRECT: readonly DifferentialCase[] = [
  ...[200, 201, 204, 301, 404, 418, 500, 503, 599].map((status) => ({
    name: `actions: direct response ${status}`,
    routes: [{ match: { prefix: "/" }, direct_response: { status, body: { inline_string: "text" } } }],
    requests: [{}, { method: "HEAD" }, {
      method: "POST",
      body: "x",
      headers: [["content-type", "application/grpc"]] as const,
    }],
  })),
  {
    name: "actions: direct response without a body",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 403 } }],
    requests: [{}, { method: "HEAD" }],
  },
  {
    name: "actions: direct response of bytes",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_bytes: "w6kK" } } }],
    requests: [{}],
  },
  {
    name: "actions: direct response with headers",
    routes: [{
      ...answer("text"),
      response_headers_to_add: [
        header("content-type", "application/json", "OVERWRITE_IF_EXISTS_OR_ADD"),
        header("x", "1"),
      ],
      response_headers_to_remove: ["content-length"],
    }],
    requests: [{}],
  },
  {
    name: "actions: a direct response that is too long is refused",
    routes: [answer("text")],
    routeConfig: { max_direct_response_body_size_bytes: 3 },
    requests: [{}],
    refused: true,
  },
  {
    name: "actions: non-forwarding",
    routes: [{ match: { prefix: "/" }, non_forwarding_action: {} }],
    requests: [{}],
  },
];

const regexRewrite = (regex: string, substitution: string) => ({ regex_rewrite: { pattern: { regex }, substitution } });

function rewrites(what: string, match: JsonObject, action: JsonObject, ...given: string[]): DifferentialCase {
  return {
    name: `actions: rewrite ${what}`,
    routes: [to("a", match, action), answer("no")],
    requests: paths(...given),
  };
}

const REWRITES: readonly DifferentialCase[] = [
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

const LIMITS: readonly DifferentialCase[] = [
  {
    name: "actions: timeout",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{ script: ["delay:2000 200"] }, {}, { script: ["cut"] }],
  },
  {
    name: "actions: no timeout",
    routes: [to("a", { prefix: "/" }, { timeout: "0s" })],
    requests: [{ script: ["delay:50 200"] }],
  },
  {
    name: "actions: timeout of gRPC",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{
      method: "POST",
      body: "x",
      headers: [["content-type", "application/grpc"]],
      script: ["delay:2000 200"],
    }],
  },
  {
    name: "actions: grpc-timeout of the caller",
    routes: [to("a", { prefix: "/" }, { max_stream_duration: { grpc_timeout_header_max: "0s" } })],
    requests: [
      {
        method: "POST",
        body: "x",
        headers: [["content-type", "application/grpc"], ["grpc-timeout", "200m"]],
        script: ["delay:2000 200"],
      },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]] },
    ],
  },
  {
    name: "actions: grpc-timeout of the caller, capped",
    routes: [to("a", { prefix: "/" }, { timeout: "3s", max_stream_duration: { grpc_timeout_header_max: "2s" } })],
    requests: [
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]] },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] },
      { method: "POST", body: "x", headers: [["grpc-timeout", "5S"]] },
    ],
  },
  {
    name: "actions: max_grpc_timeout",
    routes: [to("a", { prefix: "/" }, { max_grpc_timeout: "0.3s" })],
    requests: [
      {
        method: "POST",
        body: "x",
        headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]],
        script: ["delay:2000 200"],
      },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]], script: ["delay:2000 200"] },
      { method: "POST", body: "x", script: ["200"] },
    ],
  },
  {
    name: "actions: max_stream_duration of the route",
    routes: [to("a", { prefix: "/" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0.2s" } })],
    requests: [{ script: ["delay:2000 200"] }, {}],
  },
  {
    name: "actions: max_stream_duration of the connection manager",
    routes: [
      to("a", { prefix: "/own" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0.5s" } }),
      to("a", { prefix: "/none" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0s" } }),
      to("a", { prefix: "/" }, { timeout: "0s" }),
    ],
    manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
    requests: [
      { script: ["delay:2000 200"] },
      { path: "/own", script: ["delay:2000 200"] },
      { path: "/own", script: ["delay:300 200"] },
      { path: "/none", script: ["delay:300 200"] },
    ],
  },
  {
    name: "actions: idle timeout of the route",
    routes: [to("a", { prefix: "/" }, { timeout: "0s", idle_timeout: "0.2s" })],
    requests: [{ script: ["delay:2000 200"] }, {}],
  },
  {
    name: "actions: idle timeout of the connection manager",
    routes: [
      to("a", { prefix: "/off" }, { timeout: "0s", idle_timeout: "0s" }),
      to("a", { prefix: "/" }, { timeout: "0s" }),
    ],
    manager: { stream_idle_timeout: "0.2s" },
    requests: [{ script: ["delay:2000 200"] }, { path: "/off", script: ["delay:400 200"] }],
  },
  {
    name: "actions: request timeout of the connection manager",
    routes: [to("a", { prefix: "/" }, { timeout: "0s" })],
    manager: { request_timeout: "0.2s" },
    requests: [{ script: ["delay:400 200"] }, { method: "POST", body: "x", script: ["delay:400 200"] }],
  },
];

const mirror = (cluster: string, more: JsonObject = {}) => ({ request_mirror_policies: [{ cluster, ...more }] });
const fraction = (numerator: number, denominator = "HUNDRED") => ({
  runtime_fraction: { default_value: { numerator, denominator } },
});

const MIRRORS: readonly DifferentialCase[] = [
  {
    name: "actions: mirror",
    routes: [to("a", { prefix: "/" }, mirror("b"))],
    requests: [
      {},
      { method: "POST", path: "/x?y=z", body: "content", headers: [["x-a", "1"]] },
      { authority: "test.example:8080" },
      { authority: "[::1]:80" },
      { authority: "[::1]" },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] },
    ],
  },
  {
    name: "actions: mirror of none",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(0)))],
    requests: [{ times: 10 }],
  },
  {
    name: "actions: mirror of all",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(100)))],
    requests: [{ times: 10 }],
  },
  {
    name: "actions: mirror of some",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(300_000, "MILLION")))],
    requests: [{ times: 200, compare: "proportions" }],
  },
  {
    name: "actions: mirror without the -shadow",
    routes: [to("a", { prefix: "/" }, mirror("b", { disable_shadow_host_suffix_append: true }))],
    requests: [{}],
  },
  {
    name: "actions: mirror to several",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster: "b" }, { cluster: "c" }] })],
    requests: [{}],
  },
  {
    name: "actions: mirror after rewrites",
    routes: [{
      ...to("a", { prefix: "/a" }, { ...mirror("b"), prefix_rewrite: "/x", host_rewrite_literal: "new.example:81" }),
      request_headers_to_add: [header("x-added", "%REQ(:path)%")],
    }],
    requests: [{ path: "/a/b" }],
  },
  {
    name: "actions: mirror of a virtual host and of a route",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      request_mirror_policies: [{ cluster: "c" }],
      routes: [to("a", { prefix: "/own" }, mirror("b")), to("a")],
    }],
    routeConfig: { request_mirror_policies: [{ cluster: "d" }] },
    requests: [{}, { path: "/own" }],
  },
  {
    name: "actions: mirror of the route configuration",
    routes: [to("a")],
    routeConfig: { request_mirror_policies: [{ cluster: "d" }] },
    requests: [{}],
  },
  {
    name: "actions: mirror to a cluster that does not exist or answer",
    routes: [
      to("a", { prefix: "/nowhere" }, mirror("nowhere")),
      to("a", { prefix: "/dead" }, mirror("dead")),
      to("a", { prefix: "/" }, mirror("empty")),
    ],
    routeConfig: { validate_clusters: false },
    requests: paths("/nowhere", "/dead", "/"),
  },
  {
    name: "actions: mirror named by a header",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster_header: "x-mirror" }] })],
    requests: [{ headers: [["x-mirror", "b"]] }, {}, { headers: [["x-mirror", "nowhere"]] }],
  },
];

function hashed(
  what: string,
  cluster: string,
  hash_policy: readonly JsonObject[],
  requests: DifferentialCase["requests"],
) {
  return {
    name: `actions: hash by ${what} (${cluster})`,
    routes: [to(cluster, { prefix: "/" }, { hash_policy })],
    requests,
  };
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8"];
const byHeader = KEYS.map((key) => ({ headers: [["x-key", key]] as const }));

const HASHES: readonly DifferentialCase[] = ["ring", "maglev"].flatMap((cluster): DifferentialCase[] => [
  hashed("header", cluster, [{ header: { header_name: "x-key" } }], byHeader),
  hashed("header with a rewrite", cluster, [{
    header: { header_name: "x-key", regex_rewrite: { pattern: { regex: "^v(\\d).*" }, substitution: "\\1" } },
  }], [{ headers: [["x-key", "v1-a"]] }, { headers: [["x-key", "v1-b"]] }, { headers: [["x-key", "v5"]] }]),
  hashed("repeated header", cluster, [{ header: { header_name: "x-key" } }], [
    { headers: [["x-key", "1"], ["x-key", "2"]] },
    { headers: [["x-key", "2"], ["x-key", "1"]] },
  ]),
  hashed("path and authority", cluster, [{ header: { header_name: ":path" } }, {
    header: { header_name: ":authority" },
  }], [
    ...paths("/1", "/2", "/3", "/3?x"),
    { authority: "other" },
  ]),
  hashed(
    "query parameter",
    cluster,
    [{ query_parameter: { name: "k" } }],
    paths(...KEYS.map((key) => `/?k=${key}`), "/?k=1&k=2"),
  ),
  hashed(
    "cookie",
    cluster,
    [{ cookie: { name: "k" } }],
    KEYS.map((key) => ({ headers: [["cookie", `a=b; k=${key}`]] })),
  ),
  hashed("quoted cookie", cluster, [{ cookie: { name: "k" } }], [{ headers: [["cookie", 'k="1"']] }, {
    headers: [["cookie", "k=1"]],
  }]),
  hashed("generated cookie", cluster, [{ cookie: { name: "k", ttl: "3600s", path: "/p" } }], [
    { cookies: true, times: 5, compare: "stickiness" },
  ]),
  hashed("generated session cookie", cluster, [{ cookie: { name: "k", ttl: "0s" } }], [
    { cookies: true, times: 5, compare: "stickiness" },
  ]),
  hashed("generated cookie with attributes", cluster, [{
    cookie: { name: "k", ttl: "60s", attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }] },
  }], [{ cookies: true, times: 3, compare: "stickiness" }]),
  hashed("cookie that is given", cluster, [{ cookie: { name: "k", ttl: "60s", path: "/p" } }], [
    { headers: [["cookie", "k=1"]] },
    { headers: [["cookie", "k=2"]] },
  ]),
  hashed("source address", cluster, [{ connection_properties: { source_ip: true } }], [{ times: 3 }]),
  hashed("several", cluster, [{ header: { header_name: "x-a" } }, { header: { header_name: "x-key" } }], [
    { headers: [["x-a", "1"], ["x-key", "2"]] },
    { headers: [["x-a", "2"], ["x-key", "2"]] },
    { headers: [["x-a", "2"], ["x-key", "3"]] },
    { headers: [["x-key", "3"]] },
  ]),
  hashed("terminal", cluster, [{ header: { header_name: "x-a" }, terminal: true }, {
    header: { header_name: "x-key" },
  }], [
    { headers: [["x-a", "1"], ["x-key", "2"]] },
    { headers: [["x-a", "1"], ["x-key", "3"]] },
    { headers: [["x-key", "3"]] },
  ]),
]);

const REST: readonly DifferentialCase[] = [
  {
    name: "actions: attempt counts",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
      routes: [to("a")],
    }],
    requests: [{}, { headers: [["x-envoy-attempt-count", "7"]] }, { script: ["200 x-envoy-attempt-count=9"] }],
  },
  {
    name: "actions: what backends answer",
    routes: [to("a")],
    requests: [
      { script: ["404"] },
      { script: ["500 x-a=1 x-a=2"] },
      { script: ["204"] },
      { script: ["304"] },
      { script: ["301 location=/x"] },
      { script: ["200 empty"] },
      { script: ["200 set-cookie=a=b set-cookie=c=d"] },
      { script: ["reset"] },
      { script: ["cut"] },
      { script: ["200 x-envoy-upstream-service-time=5 server=mine date=now"] },
      { script: ["200 x-envoy-degraded=1 x-envoy-immediate-health-check-fail=1"] },
    ],
  },
  {
    name: "actions: an upgrade that is not allowed",
    routes: [to("a")],
    requests: [{ headers: [["connection", "upgrade"], ["upgrade", "websocket"]] }],
  },
  {
    name: "actions: per-filter configuration of a filter that is not in the chain",
    routes: [{
      ...to("a"),
      typed_per_filter_config: {
        "envoy.filters.http.cors": typed("", "envoy.extensions.filters.http.cors.v3.CorsPolicy").typed_config!,
      },
    }],
    requests: [{}],
  },
];

/** What becomes of a request whose route is chosen. */
export const ACTION_CASES: readonly DifferentialCase[] = [
  ...CHOICE,
  ...REDIRECTS,
  ...DIRECT,
  ...REWRITES,
  ...HOSTS,
  ...LIMITS,
  ...MIRRORS,
  ...HASHES,
  ...REST,
];
