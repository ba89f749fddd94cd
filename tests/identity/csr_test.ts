import "reflect-metadata";
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { createCsr } from "../../lib/identity/csr.ts";
import { generateKeyPair } from "../../lib/identity/key_pair.ts";

const SLEEP = "spiffe://cluster.local/ns/default/sa/sleep";

Deno.test("a request has an empty subject, one critical URI name and a good signature", async () => {
  const keys = await generateKeyPair();
  const pem = await createCsr(keys, SLEEP);
  assert.match(pem, /^-----BEGIN CERTIFICATE REQUEST-----\n/);
  const request = new x509.Pkcs10CertificateRequest(pem);
  assert.equal(request.subject, "");
  assert.equal(await request.verify(), true);
  const names = request.getExtension("2.5.29.17");
  assert.ok(names instanceof x509.SubjectAlternativeNameExtension);
  assert.equal(names.critical, true);
  assert.deepEqual(names.names.items.map(({ type, value }) => [type, value]), [["url", SLEEP]]);
});

Deno.test("keys are fresh P-256 keys in PKCS#8, with the public key beside them", async () => {
  const [one, two] = await Promise.all([generateKeyPair(), generateKeyPair()]);
  assert.notEqual(one.pem, two.pem);
  assert.match(one.pem, /^-----BEGIN PRIVATE KEY-----\n/);
  const spki = createPublicKey(one.pem).export({ type: "spki", format: "der" });
  assert.deepEqual(new Uint8Array(spki), one.spki);
});
