import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, header, redirect } from "../routes.ts";

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

const REDIRECTED: readonly DifferentialCase[] = [
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

/** Routes that answer by themselves. */
export const REDIRECT_CASES: readonly DifferentialCase[] = [...REDIRECTED, ...DIRECT];
