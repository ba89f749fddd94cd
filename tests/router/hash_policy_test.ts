import assert from "node:assert/strict";
import { type Hash64, xxHash64 } from "../../lib/internal/xx_hash64.ts";
import type { HashPolicy } from "../../lib/resource/route.ts";
import { compileHashPolicies } from "../../lib/router/hash_policy.ts";
import { callOf, request } from "../support/calls.ts";

function hash(policies: readonly HashPolicy[], of = request()): Hash64 | null {
  return compileHashPolicies(policies)!(of, callOf(of));
}

const byUser: HashPolicy = { kind: "header", name: "x-user", regexRewrite: null, terminal: false };
const byCookie: HashPolicy = { kind: "cookie", name: "session", ttlMs: null, path: "", attributes: [], terminal: false };

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
