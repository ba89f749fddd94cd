import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { parseCertificate } from "../../lib/transport/certificate.ts";
import { pemBlocks } from "../../lib/transport/pem.ts";
import { ECDSA_P384, RSA } from "../support/foreign_chains.ts";
import { TestCa } from "../support/test_ca.ts";

const first = (pem: string): Uint8Array => pemBlocks(pem)[0]!.der;
const ca = await TestCa.create("C=DE,O=Example\\, Inc.,CN=<root>");

Deno.test("a certificate made by OpenSSL is read in full", () => {
  const facts = parseCertificate(first(RSA.leaf));
  assert.deepEqual(facts.uriSans, ["spiffe://cluster.local/ns/default/sa/rsa"]);
  assert.deepEqual(facts.dnsSans, ["rsa.example"]);
  assert.deepEqual(facts.ipSans, ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(facts.emailSans, ["a@b.example"]);
  assert.equal(facts.isCa, false);
  assert.equal(facts.keyUsage, 0b101);
  assert.equal(facts.subjectText, "");
  assert.equal(facts.issuerText, "CN=rsa intermediate");
  assert.deepEqual(facts.unknownCritical, []);
  const intermediate = parseCertificate(first(ECDSA_P384.intermediate));
  assert.equal(intermediate.isCa, true);
  assert.equal(intermediate.pathLength, 0);
  assert.equal(intermediate.issuerText, "CN=ec root,O=Example\\, Inc.");
});

Deno.test("times and the public key agree with the runtime's reader", async () => {
  for (const pem of [RSA.leaf, ECDSA_P384.root, (await ca.issue()).chain]) {
    const facts = parseCertificate(first(pem));
    const theirs = new X509Certificate(pem);
    assert.equal(facts.notBefore, Date.parse(theirs.validFrom));
    assert.equal(facts.notAfter, Date.parse(theirs.validTo));
    const key = theirs.publicKey.export({ type: "spki", format: "der" });
    assert.deepEqual(new Uint8Array(facts.publicKey), new Uint8Array(key));
  }
});

Deno.test("names are printed in RFC 2253 form, special characters escaped", async () => {
  const { chain } = await ca.issue({ subject: "O=a+OU=b,CN=x" });
  const facts = parseCertificate(first(chain));
  assert.equal(facts.issuerText, "CN=\\<root\\>,O=Example\\, Inc.,C=DE");
  assert.match(facts.subjectText, /^CN=x,(O=a\+OU=b|OU=b\+O=a)$/);
});

Deno.test("cut-off certificates are refused at every length", async () => {
  const der = first((await ca.issue()).chain);
  for (let length = 0; length < der.length; length++) {
    assert.throws(() => parseCertificate(der.subarray(0, length)), SyntaxError, `length ${length}`);
  }
  assert.throws(() => parseCertificate(new Uint8Array([...der, 0])), SyntaxError);
});

Deno.test("mutated certificates are read or refused with a SyntaxError; names stay printable", async () => {
  const ders = [first((await ca.issue({ dns: ["a.example"] })).chain), first(RSA.leaf), first(ECDSA_P384.root)];
  const mutation = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.constantFrom(...ders), fc.array(mutation, { minLength: 1, maxLength: 6 }), (der, mutations) => {
      const bytes = der.slice();
      for (const [at, value] of mutations) bytes[at % bytes.length] = value;
      try {
        const facts = parseCertificate(bytes);
        for (const name of [...facts.uriSans, ...facts.dnsSans, ...facts.emailSans]) {
          assert.match(name, /^[\x21-\x7e]*$/);
        }
        assert.ok(Number.isFinite(facts.notAfter) && Number.isFinite(facts.notBefore));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("garbage is refused with a SyntaxError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.throws(() => parseCertificate(bytes), SyntaxError);
  }));
});
