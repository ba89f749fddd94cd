import assert from "node:assert/strict";
import type { RouteMatch } from "../../lib/resource/route.ts";
import { compilePathRewrite, type PathRewriteConfig } from "../../lib/router/path_rewrite.ts";
import { routeMatch } from "../support/resource_objects.ts";

const NONE: PathRewriteConfig = { prefixRewrite: null, regexRewrite: null, pathTemplateRewrite: null };

function rewrite(path: RouteMatch["path"], config: Partial<PathRewriteConfig>, target: string): string | null {
  return compilePathRewrite(routeMatch({ path }), { ...NONE, ...config })!(target);
}

Deno.test("A prefix is replaced, query kept", () => {
  assert.equal(rewrite({ kind: "prefix", value: "/api" }, { prefixRewrite: "/v2" }, "/api/x?y=/api"), "/v2/x?y=/api");
  assert.equal(rewrite({ kind: "prefix", value: "/api/" }, { prefixRewrite: "/" }, "/api/x"), "/x");
  assert.equal(rewrite({ kind: "path_separated_prefix", value: "/api" }, { prefixRewrite: "/v2" }, "/api?q"), "/v2?q");
});

Deno.test("An exact path and a pattern are replaced as a whole", () => {
  assert.equal(rewrite({ kind: "path", value: "/a" }, { prefixRewrite: "/b" }, "/a?x"), "/b?x");
  assert.equal(rewrite({ kind: "regex", value: "/a/.*" }, { prefixRewrite: "/b" }, "/a/c/d?x"), "/b?x");
});

Deno.test("A regular expression rewrites with groups", () => {
  const regexRewrite = { pattern: "^/service/([^/]+)(/.*)$", substitution: "\\2/instance/\\1" };
  const target = rewrite({ kind: "prefix", value: "/" }, { regexRewrite }, "/service/foo/v1/api?a=b");
  assert.equal(target, "/v1/api/instance/foo?a=b");
});

Deno.test("A path template rewrites with variables", () => {
  const path = { kind: "template", value: "/user/{name}/{rest=**}" } as const;
  assert.equal(rewrite(path, { pathTemplateRewrite: "/{rest}/of/{name}" }, "/user/ann/a/b?q"), "/a/b/of/ann?q");
});

Deno.test("No rewrite, no function", () => {
  assert.equal(compilePathRewrite(routeMatch(), NONE), null);
});

Deno.test("A path that comes to nothing stays", () => {
  const regexRewrite = { pattern: "/a", substitution: "" };
  assert.equal(rewrite({ kind: "prefix", value: "/" }, { regexRewrite }, "/a?b"), null);
});
