import assert from "node:assert/strict";
import { type Hash64, xxHash64 } from "../../lib/internal/xx_hash64.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HashPolicy } from "../../lib/resource/route.ts";
import { compileCookies, compileHashPolicies } from "../../lib/router/hash_policy.ts";
import { callOf, request } from "../support/calls.ts";

function hash(policies: readonly HashPolicy[], of = request()): Hash64 | null {
  return compileHashPolicies(policies)!(of, callOf(of));
}

const byUser: HashPolicy = { kind: "header", name: "x-user", regexRewrite: null, terminal: false };
const byCookie: HashPolicy = {
  kind: "cookie",
  name: "session",
  ttlMs: null,
  path: "",
  attributes: [],
  terminal: false,
};

Deno.test("A header, a cookie, a query parameter and the authority hash to their values", () => {
  assert.deepEqual(hash([byUser], request({ pairs: ["x-user", "ann"] })), xxHash64("ann"));
  assert.deepEqual(hash([byCookie], request({ pairs: ["cookie", 'a=b; session="s1"'] })), xxHash64("s1"));
  const query: HashPolicy = { kind: "query_parameter", name: "q", terminal: false };
  assert.deepEqual(hash([query], request({ path: "/?q=7" })), xxHash64("7"));
  const host: HashPolicy = { kind: "header", name: ":authority", regexRewrite: null, terminal: false };
  assert.deepEqual(hash([host], request({ authority: "h" })), xxHash64("h"));
});

Deno.test("Nothing to hash, no hash; no policies, no function", () => {
  assert.equal(hash([byUser, byCookie]), null);
  assert.equal(compileHashPolicies([]), null);
});

Deno.test("The order of a header's values does not matter", () => {
  const one = hash([byUser], request({ pairs: ["x-user", "a", "x-user", "b"] }));
  assert.deepEqual(one, hash([byUser], request({ pairs: ["x-user", "b", "x-user", "a"] })));
  assert.deepEqual(one, xxHash64("b", xxHash64("a")));
});

Deno.test("Several policies combine as Envoy's, a terminal one ends them", () => {
  const of = request({ pairs: ["x-user", "ann", "cookie", "session=s1"] });
  const big = ({ hi, lo }: Hash64) => (BigInt(hi) << 32n) | BigInt(lo);
  const first = big(xxHash64("ann"));
  const rotated = ((first << 1n) | (first >> 63n)) & 0xffffffffffffffffn;
  assert.equal(big(hash([byUser, byCookie], of)!), rotated ^ big(xxHash64("s1")));
  assert.deepEqual(hash([{ ...byUser, terminal: true }, byCookie], of), xxHash64("ann"));
  assert.deepEqual(
    hash([{ ...byUser, terminal: true }, byCookie], request({ pairs: ["cookie", "session=s1"] })),
    xxHash64("s1"),
  );
});

Deno.test("Values are rewritten before they are hashed", () => {
  const policy: HashPolicy = { ...byUser, regexRewrite: { pattern: "^v(\\d).*", substitution: "\\1" } };
  assert.deepEqual(hash([policy], request({ pairs: ["x-user", "v1-a"] })), xxHash64("1"));
});

Deno.test("The address of the workload stands for the source of its own requests", () => {
  const of = request();
  const call = callOf(of);
  const sourceIp = compileHashPolicies([{ kind: "source_ip", terminal: false }])!;
  assert.equal(sourceIp(of, call), null);
  call.sourceIp = "10.0.0.7";
  assert.deepEqual(sourceIp(of, call), xxHash64("10.0.0.7"));
});

Deno.test("A missing cookie is made once for all attempts, and told to the caller", () => {
  const policy: HashPolicy = {
    kind: "cookie",
    name: "session",
    ttlMs: 60_000,
    path: "/p",
    attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure", value: "" }],
    terminal: false,
  };
  const of = request();
  const call = callOf(of);
  const compiled = compileHashPolicies([policy])!;
  const first = compiled(of, call);
  assert.deepEqual(compiled(of, call), first);
  const value = call.madeCookies!.get("session")!;
  assert.match(value, /^[0-9a-f]{16}$/);
  assert.deepEqual(first, xxHash64(value));
  const headers = new HeaderList();
  compileCookies([policy])!(headers, call);
  assert.deepEqual(headers.pairs, [
    "set-cookie",
    `session="${value}"; Max-Age=60; Path=/p; SameSite=Strict; Secure; HttpOnly`,
  ]);
});

Deno.test("A cookie without a lifetime ends with the session; one that is given is none to make", () => {
  const policy: HashPolicy = { kind: "cookie", name: "s", ttlMs: 0, path: "", attributes: [], terminal: false };
  const of = request();
  const call = callOf(of);
  compileHashPolicies([policy])!(of, call);
  const headers = new HeaderList();
  compileCookies([policy])!(headers, call);
  assert.match(headers.get("set-cookie")!, /^s="[0-9a-f]{16}"; HttpOnly$/);
  const given = request({ pairs: ["cookie", "s=1"] });
  const other = callOf(given);
  assert.deepEqual(compileHashPolicies([policy])!(given, other), xxHash64("1"));
  assert.equal(other.madeCookies, null);
  assert.equal(compileCookies([byCookie]), null);
});
