import assert from "node:assert/strict";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { CertificateAuthority } from "../../lib/testing/certificate_authority.ts";

const SPIFFE = "spiffe://cluster.local/ns/default/sa/sleep";

async function csr(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    // The name asked for is ignored: the authenticated one counts.
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "url", value: "spiffe://evil/ns/x/sa/y" }])],
  });
  return request.toString("pem");
}

function sans(certificate: x509.X509Certificate): string[] {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  return extension?.names.items.map((name) => `${name.type}:${name.value}`) ?? [];
}

Deno.test("sign() issues what istiod issues: SPIFFE SAN of the caller, empty subject, both usages, dated back", async () => {
  const ca = await CertificateAuthority.create();
  const before = Date.now();
  const chain = await ca.sign(await csr(), { uriSan: SPIFFE, ttlMs: 1000 });
  assert.equal(chain.length, 2);
  const leaf = new x509.X509Certificate(chain[0]!);
  const root = new x509.X509Certificate(chain[1]!);
  assert.deepEqual(sans(leaf), [`url:${SPIFFE}`]);
  assert.equal(leaf.subject, "");
  assert.equal(leaf.getExtension(x509.SubjectAlternativeNameExtension)!.critical, true);
  assert.deepEqual(
    leaf.getExtension(x509.ExtendedKeyUsageExtension)!.usages.toSorted(),
    [
      x509.ExtendedKeyUsage.serverAuth,
      x509.ExtendedKeyUsage.clientAuth,
    ].toSorted(),
  );
  assert.equal(await leaf.verify({ publicKey: root.publicKey, signatureOnly: true }), true);
  // X.509 dates have whole seconds.
  assert.ok(Math.abs(before - 120_000 - leaf.notBefore.getTime()) < 2_000);
  assert.ok(Math.abs(before + 1_000 - leaf.notAfter.getTime()) < 2_000);
});

Deno.test("sign() refuses garbage and a request with a wrong signature", async () => {
  const ca = await CertificateAuthority.create();
  await assert.rejects(ca.sign("garbage", { uriSan: SPIFFE, ttlMs: 1000 }), /not a PEM encoded PKCS#10 request/);
  const good = x509.PemConverter.decodeFirst(await csr());
  const bytes = new Uint8Array(good);
  bytes[bytes.length - 1]! ^= 1;
  const tampered = x509.PemConverter.encode(bytes.buffer, "CERTIFICATE REQUEST");
  await assert.rejects(ca.sign(tampered, { uriSan: SPIFFE, ttlMs: 1000 }), TypeError);
});

Deno.test("an intermediate makes a chain of three", async () => {
  const ca = await CertificateAuthority.create({ intermediate: true });
  const chain = (await ca.sign(await csr(), { uriSan: SPIFFE, ttlMs: 1000 })).map((text) =>
    new x509.X509Certificate(text)
  );
  assert.equal(chain.length, 3);
  assert.equal(await chain[0]!.verify({ publicKey: chain[1]!.publicKey, signatureOnly: true }), true);
  assert.equal(await chain[1]!.verify({ publicKey: chain[2]!.publicKey, signatureOnly: true }), true);
});

Deno.test("root rotation: both roots in the bundle first, then only the new one", async () => {
  const ca = await CertificateAuthority.create();
  const first = ca.rootCertificates;
  await ca.rotateRoot();
  assert.equal(x509.PemConverter.decode(ca.rootCertificates).length, 2);
  assert.ok(ca.rootCertificates.endsWith(first));
  const chain = await ca.sign(await csr(), { uriSan: SPIFFE, ttlMs: 1000 });
  assert.equal(x509.PemConverter.decode(chain[1]!).length, 2);
  ca.retireOldRoots();
  assert.equal(x509.PemConverter.decode(ca.rootCertificates).length, 1);
  assert.notEqual(ca.rootCertificates, first);
});

Deno.test("issue() makes any certificate, bad ones too", async () => {
  const ca = await CertificateAuthority.create();
  const issued = await ca.issue({
    uriSans: [SPIFFE, "spiffe://cluster.local/ns/default/sa/other"],
    dnsSans: ["istiod.istio-system.svc"],
    ipSans: ["127.0.0.1"],
    usages: ["codeSigning"],
    notBefore: 1_000_000,
    notAfter: 2_000_000,
  });
  const leaf = new x509.X509Certificate(issued.chain);
  assert.deepEqual(sans(leaf), [
    `url:${SPIFFE}`,
    "url:spiffe://cluster.local/ns/default/sa/other",
    "dns:istiod.istio-system.svc",
    "ip:127.0.0.1",
  ]);
  assert.equal(leaf.notAfter.getTime(), 2_000_000);
  assert.deepEqual([...leaf.getExtension(x509.ExtendedKeyUsageExtension)!.usages], [x509.ExtendedKeyUsage.codeSigning]);
  assert.match(issued.key, /BEGIN PRIVATE KEY/);
});
