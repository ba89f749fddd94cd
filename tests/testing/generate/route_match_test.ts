import assert from "node:assert/strict";
import { Fields } from "../../../lib/testing/fields.ts";
import { isCatchAll, routeMatch } from "../../../lib/testing/generate/route_match.ts";
import { parseHttpMatch } from "../../../lib/testing/kinds/http_match.ts";

const match = (fields: Record<string, unknown>) => routeMatch(parseHttpMatch(Fields.of(fields, "a match")));
const SENSITIVE = { caseSensitive: { value: true } };

Deno.test("paths: exact, prefix, regular expression, case", () => {
  assert.deepEqual(routeMatch(undefined), { prefix: "/" });
  assert.deepEqual(match({}), { prefix: "/", ...SENSITIVE });
  assert.deepEqual(match({ uri: { exact: "/a" } }), { path: "/a", ...SENSITIVE });
  assert.deepEqual(match({ uri: { prefix: "/a" }, ignoreUriCase: true }), { prefix: "/a", caseSensitive: {} });
  assert.deepEqual(match({ uri: { regex: "/[a-z]+" } }), { safeRegex: { regex: "/[a-z]+" }, ...SENSITIVE });
});

Deno.test("headers by name, those that must not match among them; then method, authority and scheme", () => {
  const { headers } = match({
    scheme: { exact: "https" },
    authority: { prefix: "a." },
    method: { exact: "GET" },
    headers: { z: { exact: "1" }, b: { regex: ".+" }, any: {}, star: { regex: "*" } },
    withoutHeaders: { c: { prefix: "x" }, absent: {} },
  });
  assert.deepEqual(headers, [
    { name: "absent", presentMatch: true, invertMatch: true },
    { name: "any", presentMatch: true },
    { name: "b", stringMatch: { safeRegex: { regex: ".+" } } },
    { name: "c", stringMatch: { prefix: "x" }, invertMatch: true, treatMissingHeaderAsEmpty: true },
    { name: "star", presentMatch: true },
    { name: "z", stringMatch: { exact: "1" } },
    { name: ":method", stringMatch: { exact: "GET" } },
    { name: ":authority", stringMatch: { prefix: "a." } },
    { name: ":scheme", stringMatch: { exact: "https" } },
  ]);
});

Deno.test("query parameters", () => {
  assert.deepEqual(match({ queryParams: { b: { exact: "1" }, a: {} } }).queryParameters, [
    { name: "a", presentMatch: true },
    { name: "b", stringMatch: { exact: "1" } },
  ]);
});

Deno.test("only what asks for nothing at all is a catch-all", () => {
  assert.equal(isCatchAll(routeMatch(undefined)), true);
  assert.equal(isCatchAll(match({ uri: { prefix: "/" } })), true);
  assert.equal(isCatchAll(match({ uri: { regex: ".*" }, port: 80 })), true);
  assert.equal(isCatchAll(match({ uri: { regex: ".+" } })), false);
  assert.equal(isCatchAll(match({ uri: { prefix: "/a" } })), false);
  assert.equal(isCatchAll(match({ method: { exact: "GET" } })), false);
  assert.equal(isCatchAll(match({ queryParams: { a: {} } })), false);
});
