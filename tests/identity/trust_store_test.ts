import assert from "node:assert/strict";
import { readRoots, TrustStore } from "../../lib/identity/trust_store.ts";
import { TestCa } from "../support/test_ca.ts";

const [a, b, c] = await Promise.all(["O=a", "O=b", "O=c"].map((name) => TestCa.create(name))) as [
  TestCa,
  TestCa,
  TestCa,
];

Deno.test("the bundle is the union over sources, sorted, without duplicates", () => {
  const store = new TrustStore();
  store.set("ca", [a.pem + b.pem]);
  store.set("discovery", [b.pem, c.pem]);
  const roots = store.bundle!.roots;
  assert.equal(roots.length, 3);
  assert.deepEqual(roots, [...roots].sort());
});

Deno.test("a root that is gone from every source is not trusted any more", () => {
  const store = new TrustStore();
  store.set("ca", [a.pem]);
  store.set("file", [a.pem]);
  const before = store.bundle!;
  assert.equal(store.set("ca", [b.pem]).changed, true);
  assert.equal(store.bundle!.roots.length, 2);
  store.set("file", []);
  assert.equal(store.bundle!.roots.length, 1);
  assert.equal(store.bundle!.roots[0]!.trim(), b.pem.trim());
  assert.notEqual(store.bundle!.version, before.version);
});

Deno.test("the same set in another order keeps its version and its object", () => {
  const store = new TrustStore();
  store.set("ca", [a.pem, b.pem]);
  const before = store.bundle;
  assert.equal(store.set("ca", [b.pem + "\n# comment\n" + a.pem]).changed, false);
  assert.equal(store.bundle, before);
});

Deno.test("garbage is reported and takes nothing away", () => {
  const store = new TrustStore();
  store.set("file", [a.pem]);
  const { changed, problems } = store.set("file", ["not a certificate"]);
  assert.equal(changed, false);
  assert.deepEqual(problems, ["it holds no PEM block"]);
  assert.equal(store.bundle!.roots.length, 1);
});

Deno.test("a text with good and bad parts gives the good ones and names the bad ones", () => {
  const text = `${a.pem}-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n` +
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  const { roots, problems } = readRoots([text]);
  assert.equal(roots.length, 1);
  assert.equal(problems.length, 3, problems.join("\n"));
});

Deno.test("no source, no bundle", () => {
  const store = new TrustStore();
  assert.equal(store.bundle, null);
  store.set("ca", [a.pem]);
  store.set("ca", []);
  assert.equal(store.bundle, null);
});
