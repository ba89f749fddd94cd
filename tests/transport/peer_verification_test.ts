import assert from "node:assert/strict";
import { matchTrustDomains } from "../../lib/transport/peer_rules.ts";
import { parseRoots, PeerVerifier, verifyChain } from "../../lib/transport/peer_verification.ts";
import { pemBlocks } from "../../lib/transport/pem.ts";
import type { TlsCertificate } from "../../lib/transport/secret_provider.ts";
import { TestCa } from "../support/test_ca.ts";
import { ECDSA_P384, RSA } from "../support/foreign_chains.ts";

const ca = await TestCa.create();
const roots = parseRoots([ca.pem]);
const now = Date.now();
const anyPeer = (): null => null;

function ders(...pems: (TlsCertificate | string)[]): Uint8Array[] {
  return pems.flatMap((one) => pemBlocks(typeof one === "string" ? one : one.chain).map(({ der }) => der));
}

Deno.test("a chain through two intermediates is found, in whatever order it was sent", async () => {
  const upper = await ca.intermediate("CN=upper");
  const lower = await upper.intermediate("CN=lower");
  const [leaf, ...others] = ders(await lower.issue()) as [Uint8Array, Uint8Array, Uint8Array];
  for (const chain of [[leaf, ...others], [leaf, ...others.reverse()], [leaf, ...others, ...ders(ca.pem)]]) {
    const found = verifyChain(chain, roots, "client", now);
    assert.ok(found.ok);
    assert.deepEqual(found.path.map(({ subjectText }) => subjectText), ["", "CN=lower", "CN=upper", "O=cluster.local"]);
  }
  const cut = verifyChain([leaf, others[1]!], roots, "client", now);
  assert.equal(cut.ok, false);
});

Deno.test("a leaf may not issue certificates", async () => {
  const leaf = await ca.issue({ subject: "CN=leaf" });
  const [der] = ders(leaf);
  const { chain } = await (await TestCa.below(leaf)).issue();
  const found = verifyChain([...ders(chain), der!], roots, "client", now);
  assert.ok(!found.ok);
  assert.equal(found.failure, "untrusted");
  assert.match(found.reason, /is not a CA/);
});

Deno.test("a CA without the right to sign may not issue certificates", async () => {
  const odd = await ca.issue({ subject: "CN=odd", ca: true, keyUsage: 1 });
  const { chain } = await (await TestCa.below(odd)).issue();
  const found = verifyChain([...ders(chain), ...ders(odd)], roots, "client", now);
  assert.ok(!found.ok);
  assert.match(found.reason, /may not sign certificates/);
});

Deno.test("a path length is kept", async () => {
  const upper = await ca.intermediate("CN=short", 0);
  const direct = await upper.issue();
  assert.equal(verifyChain(ders(direct), roots, "client", now).ok, true);
  const tooLong = await (await upper.intermediate("CN=beyond")).issue();
  const found = verifyChain(ders(tooLong), roots, "client", now);
  assert.ok(!found.ok);
  assert.match(found.reason, /chain this long/);
});

Deno.test("an expired CA on the way is named", async () => {
  const old = await ca.issue({
    subject: "CN=old",
    ca: true,
    keyUsage: 1 << 5,
    notBefore: now - 7_200_000,
    notAfter: now - 3_600_000,
  });
  const { chain } = await (await TestCa.below(old)).issue();
  const found = verifyChain([...ders(chain), ...ders(old)], roots, "client", now);
  assert.ok(!found.ok);
  assert.equal(found.failure, "expired");
  assert.match(found.reason, /CA certificate 'CN=old'/);
});

Deno.test("roles are checked by extended key usage; a certificate without the extension may do both", async () => {
  const both = ders(await ca.issue({ usages: null }));
  assert.equal(verifyChain(both, roots, "client", now).ok, true);
  assert.equal(verifyChain(both, roots, "server", now).ok, true);
  const server = ders(await ca.issue({ usages: ["serverAuth"] }));
  assert.equal(verifyChain(server, roots, "server", now).ok, true);
  assert.equal(verifyChain(server, roots, "client", now).ok, false);
});

Deno.test("RSA and P-384 chains verify, and not under each other's roots", () => {
  for (const [good, bad] of [[RSA, ECDSA_P384], [ECDSA_P384, RSA]] as const) {
    const found = verifyChain(ders(good.leaf, good.intermediate), parseRoots([good.root]), "client", good.validAt);
    assert.ok(found.ok, found.ok ? "" : found.reason);
    assert.equal(
      verifyChain(ders(good.leaf, good.intermediate), parseRoots([bad.root]), "client", good.validAt).ok,
      false,
    );
  }
});

Deno.test("chains without end and roots of one name cost a bounded number of signatures", async () => {
  const namesakes = await Promise.all(Array.from({ length: 40 }, () => TestCa.create()));
  const found = verifyChain(ders(await ca.issue()), parseRoots(namesakes.map(({ pem }) => pem)), "client", now);
  assert.equal(found.ok, false);
  const leaf = ders(await ca.issue());
  const long = verifyChain([...leaf, ...Array.from({ length: 20 }, () => leaf[0]!)], roots, "client", now);
  assert.ok(!long.ok);
  assert.equal(long.failure, "malformed");
});

Deno.test("a remembered chain is still checked against time, trust, role and rule", async () => {
  const verifier = new PeerVerifier();
  const leaf = await ca.issue({ usages: ["clientAuth"] });
  const chain = ders(leaf);
  const trust = ca.bundle();
  const policy = { trust, role: "client", now } as const;
  const first = verifier.verify(chain, policy, anyPeer);
  assert.ok(first.ok);
  const again = verifier.verify(chain, policy, anyPeer);
  assert.ok(again.ok && again.peer === first.peer);
  assert.equal(verifier.verify(chain, { ...policy, now: leaf.notAfter }, anyPeer).ok, false);
  assert.equal(verifier.verify(chain, { ...policy, now: leaf.notBefore - 1 }, anyPeer).ok, false);
  assert.equal(verifier.verify(chain, { ...policy, role: "server" }, anyPeer).ok, false);
  assert.equal(verifier.verify(chain, policy, matchTrustDomains(["other"])).ok, false);
  const other = (await TestCa.create()).bundle();
  assert.equal(verifier.verify(chain, { ...policy, trust: other }, anyPeer).ok, false);
});

Deno.test("no certificate and garbage are refused", () => {
  const verifier = new PeerVerifier();
  const policy = { trust: ca.bundle(), role: "client", now } as const;
  const none = verifier.verify([], policy, anyPeer);
  assert.ok(!none.ok && none.failure === "no_certificate");
  const garbage = verifier.verify([new Uint8Array(50)], policy, anyPeer);
  assert.ok(!garbage.ok && garbage.failure === "malformed");
});

Deno.test("a signature that was tampered with is refused", async () => {
  const [der] = ders(await ca.issue());
  for (const at of [der!.length - 1, der!.length - 20, 60]) {
    const bad = der!.slice();
    bad[at]! ^= 1;
    assert.equal(verifyChain([bad], roots, "client", now).ok, false, `byte ${at}`);
  }
});
