import assert from "node:assert/strict";
import fc from "fast-check";
import { formatSpiffeId, parseSpiffeId } from "../../lib/identity/spiffe.ts";

Deno.test("a workload's id is taken apart and put together", () => {
  const id = parseSpiffeId("spiffe://cluster.local/ns/default/sa/sleep");
  assert.deepEqual(id, {
    trustDomain: "cluster.local",
    path: "/ns/default/sa/sleep",
    namespace: "default",
    serviceAccount: "sleep",
  });
  assert.equal(formatSpiffeId("cluster.local", "default", "sleep"), "spiffe://cluster.local/ns/default/sa/sleep");
});

Deno.test("other paths are ids without namespace", () => {
  const id = parseSpiffeId("spiffe://example.org/db");
  assert.equal(id?.namespace, null);
  assert.equal(id?.path, "/db");
  assert.equal(parseSpiffeId("spiffe://example.org")?.path, "");
});

for (
  const bad of [
    "https://cluster.local/ns/a/sa/b",
    "spiffe://Cluster.local/ns/a/sa/b",
    "spiffe://user@cluster.local/x",
    "spiffe://cluster.local:80/x",
    "spiffe://cluster.local/ns//sa/b",
    "spiffe://cluster.local/ns/a/sa/b/",
    "spiffe://cluster.local/ns/../sa/b",
    "spiffe://cluster.local/x?y",
    "spiffe://cluster.local/x#y",
    "spiffe://cluster.local/%2e",
    "spiffe:///x",
    `spiffe://cluster.local/${"x".repeat(2048)}`,
    "spiffe://cluster.local/x\n",
  ]
) {
  Deno.test(`'${bad.slice(0, 40)}' is no SPIFFE id`, () => assert.equal(parseSpiffeId(bad), null));
}

Deno.test("parts that would change the meaning of an id are refused", () => {
  assert.throws(() => formatSpiffeId("cluster.local", "a/sa/admin", "b"), TypeError);
  assert.throws(() => formatSpiffeId("cluster.local", "", "b"), TypeError);
  assert.throws(() => formatSpiffeId("cluster.local", "..", "b"), TypeError);
});

Deno.test("what parses is printed the same", () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  fc.assert(fc.property(part, part, (namespace, account) => {
    const id = formatSpiffeId("td.example", namespace, account);
    const parsed = parseSpiffeId(id)!;
    assert.equal(parsed.namespace, namespace);
    assert.equal(parsed.serviceAccount, account);
  }));
});
