import assert from "node:assert/strict";
import { checkSecret } from "../../lib/identity/check_secret.ts";
import { TestCa } from "../support/test_ca.ts";

const ca = await TestCa.create();
const leaf = await ca.issue();
const now = Date.now();

Deno.test("a good secret is taken apart, its chain without the root", () => {
  const checked = checkSecret({ chain: leaf.chain + ca.pem, key: leaf.key, roots: [ca.pem] }, now);
  assert.ok(checked.ok);
  assert.equal(checked.chain.trim(), leaf.chain.trim());
  assert.equal(checked.spiffeId, "spiffe://cluster.local/ns/default/sa/sleep");
  assert.equal(checked.notAfter, leaf.notAfter);
});

Deno.test("an intermediate stays in the chain", async () => {
  const below = await (await ca.intermediate()).issue();
  const checked = checkSecret({ chain: below.chain, key: below.key, roots: [ca.pem] }, now);
  assert.ok(checked.ok);
  assert.equal(checked.chain.split("BEGIN CERTIFICATE").length - 1, 2);
});

const other = await ca.issue();
const foreign = await (await TestCa.create()).issue();
const expired = await ca.issue({ notBefore: now - 7_200_000, notAfter: now - 3_600_000 });
for (
  const [name, secret, reason, clock] of [
    ["for another key", { chain: leaf.chain, key: other.key, roots: [ca.pem] }, /another key/, false],
    ["of another CA", { chain: foreign.chain, key: foreign.key, roots: [ca.pem] }, /another key signed/, false],
    ["that has expired", { chain: expired.chain, key: expired.key, roots: [ca.pem] }, /expired at/, true],
    ["without a certificate", { chain: "", key: leaf.key, roots: [ca.pem] }, /no certificate/, false],
    ["without a root", { chain: leaf.chain, key: leaf.key, roots: ["garbage"] }, /no root certificate/, false],
    ["with a garbled key", { chain: leaf.chain, key: "garbage", roots: [ca.pem] }, /cannot be read/, false],
  ] as const
) {
  Deno.test(`a secret ${name} is refused`, () => {
    const checked = checkSecret(secret, now);
    assert.ok(!checked.ok);
    assert.match(checked.reason, reason);
    assert.equal(checked.clock, clock);
  });
}
