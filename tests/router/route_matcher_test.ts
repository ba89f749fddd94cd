import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import type { RouteMatch } from "../../lib/resource/route.ts";
import { pathOf } from "../../lib/router/request_path.ts";
import { compileRouteMatch, type DynamicMetadata } from "../../lib/router/route_matcher.ts";
import { request } from "../support/calls.ts";
import { routeMatch } from "../support/resource_objects.ts";

function matches(match: Partial<RouteMatch>, of: HttpRequest, random = 0, metadata: DynamicMetadata | null = null) {
  return compileRouteMatch(routeMatch(match))(of, pathOf(of.path), () => random, metadata);
}

/** Path condition, paths that match, paths that do not. */
const PATHS: readonly [RouteMatch["path"], readonly string[], readonly string[]][] = [
  [{ kind: "prefix", value: "/" }, ["/", "/a?b", "/a/b"], ["*"]],
  [{ kind: "prefix", value: "/api" }, ["/api", "/apis", "/api/x?y"], ["/ap", "/x/api"]],
  [{ kind: "path", value: "/api" }, ["/api", "/api?x=1", "/api#f"], ["/api/", "/apis"]],
  [{ kind: "path_separated_prefix", value: "/api" }, ["/api", "/api/", "/api/x", "/api?q"], ["/apis", "/ap"]],
  [{ kind: "regex", value: "/user/[0-9]+" }, ["/user/42", "/user/42?x=/"], ["/user/x", "/user/42/", "/a/user/42"]],
  [{ kind: "template", value: "/a/{x=*}/c/**" }, ["/a/b/c/", "/a/b/c/d/e"], ["/a/b/x/c/d", "/a//c/d"]],
];

for (const [path, yes, no] of PATHS) {
  Deno.test(`${path.kind} ${path.kind === "connect" ? "" : path.value}`, () => {
    for (const each of yes) assert.equal(matches({ path }, request({ path: each })), true, each);
    for (const each of no) assert.equal(matches({ path }, request({ path: each })), false, each);
  });
}

Deno.test("Case counts unless told otherwise", () => {
  const path = { kind: "prefix", value: "/Api" } as const;
  assert.equal(matches({ path }, request({ path: "/api" })), false);
  assert.equal(matches({ path, caseSensitive: false }, request({ path: "/aPI/x" })), true);
});

Deno.test("CONNECT", () => {
  assert.equal(matches({ path: { kind: "connect" } }, request({ method: "CONNECT", path: "" })), true);
  assert.equal(matches({ path: { kind: "connect" } }, request({ method: "GET" })), false);
});

Deno.test("Every header, method included, must match", () => {
  const string = (name: string, value: string) => ({
    name,
    match: { kind: "string" as const, string: { kind: "exact" as const, value, ignoreCase: false } },
    invert: false,
    treatMissingAsEmpty: false,
  });
  const match = { headers: [string(":method", "POST"), string("x-user", "jason")] };
  const headers = new HeaderList(["x-user", "jason"]);
  assert.equal(matches(match, request({ method: "POST", headers })), true);
  assert.equal(matches(match, request({ method: "GET", headers })), false);
  assert.equal(matches(match, request({ method: "POST" })), false);
});

Deno.test("Query parameters: presence and value of the first one", () => {
  const value = { kind: "exact" as const, value: "1", ignoreCase: false };
  const match = {
    queryParameters: [{ name: "a", match: value }, { name: "b", match: { kind: "present", present: true } as const }],
  };
  assert.equal(matches(match, request({ path: "/?b&a=1" })), true);
  assert.equal(matches(match, request({ path: "/?a=1" })), false);
  assert.equal(matches(match, request({ path: "/?a=2&b&a=1" })), false);
});

Deno.test("A runtime fraction takes its part", () => {
  const match = { runtimeFraction: { numerator: 25, denominator: 100 } };
  assert.equal(matches(match, request(), 0.249), true);
  assert.equal(matches(match, request(), 0.25), false);
});

Deno.test("gRPC only", () => {
  assert.equal(matches({ grpc: true }, request({ pairs: ["content-type", "application/grpc+proto"] })), true);
  assert.equal(matches({ grpc: true }, request({ pairs: ["content-type", "application/grpc-web"] })), false);
});

Deno.test("Dynamic metadata", () => {
  const dynamicMetadata = [{
    filter: "envoy.filters.http.jwt_authn",
    path: ["payload", "groups"],
    value: { kind: "exact" as const, value: "admin", ignoreCase: false },
    invert: false,
  }];
  const of = (groups: unknown) => new Map([["envoy.filters.http.jwt_authn", { payload: { groups } }]]);
  assert.equal(matches({ dynamicMetadata }, request(), 0, of(["user", "admin"])), true);
  assert.equal(matches({ dynamicMetadata }, request(), 0, of(["user"])), false);
  assert.equal(matches({ dynamicMetadata }, request(), 0, null), false);
  const inverted = [{ ...dynamicMetadata[0]!, invert: true }];
  assert.equal(matches({ dynamicMetadata: inverted }, request(), 0, null), true);
});
