import assert from "node:assert/strict";
import { DiscoveredSecrets } from "../../lib/identity/discovered_secrets.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { secretResources } from "../../lib/testing/secret.ts";
import { TestCa } from "../support/test_ca.ts";

const ca = await TestCa.create();
const first = await ca.issue();
const second = await ca.issue();
const CLIENT = "kubernetes://client";
const ROOTS = "kubernetes://client-cacert";

function update(...secrets: ReturnType<typeof secretResources>) {
  const changed = secrets.map(({ name, value }) =>
    [
      name,
      value instanceof Uint8Array ? value : encode("envoy.extensions.transport_sockets.tls.v3.Secret", value),
    ] as const
  );
  return { changed: new Map(changed), removed: [] };
}

Deno.test("Only what is followed is asked for and kept", () => {
  const secrets = new DiscoveredSecrets(new FakeClock());
  const asked: string[][] = [];
  secrets.onWanted(() => asked.push([...secrets.wanted]));
  secrets.follow(new Set());
  secrets.apply(update(...secretResources("client", { ...first, roots: ca.root })));
  assert.equal(secrets.certificate(CLIENT), null);
  secrets.follow(new Set([CLIENT, ROOTS]));
  secrets.follow(new Set([ROOTS, CLIENT]));
  assert.deepEqual(asked, [[CLIENT, ROOTS]]);
  assert.deepEqual(secrets.apply(update(...secretResources("client", { ...first, roots: ca.root }))), []);
  assert.equal(secrets.certificate(CLIENT)!.chain, first.chain);
  assert.equal(secrets.trustBundle(ROOTS)!.roots.length, 1);
  assert.equal(secrets.trustBundle(CLIENT), null);
  secrets.follow(new Set([ROOTS]));
  assert.equal(secrets.certificate(CLIENT), null, "what nobody refers to is forgotten");
});

Deno.test("A rotated secret replaces the one before; the same bytes keep their object; a removed one is gone", () => {
  const secrets = new DiscoveredSecrets(new FakeClock());
  let changes = 0;
  secrets.subscribe(() => changes++);
  secrets.follow(new Set([CLIENT]));
  secrets.apply(update(...secretResources("client", first)));
  const held = secrets.certificate(CLIENT)!;
  secrets.apply(update(...secretResources("client", first)));
  assert.equal(secrets.certificate(CLIENT), held);
  secrets.apply(update(...secretResources("client", second)));
  assert.equal(secrets.certificate(CLIENT)!.chain, second.chain);
  assert.notEqual(secrets.certificate(CLIENT)!.version, held.version);
  secrets.apply({ changed: new Map(), removed: [CLIENT] });
  assert.equal(secrets.certificate(CLIENT), null);
  assert.equal(changes, 3);
});

Deno.test("A secret that cannot be used is reported by name, without its key, and the one before stays", () => {
  const secrets = new DiscoveredSecrets(new FakeClock());
  secrets.follow(new Set([CLIENT, ROOTS]));
  secrets.apply(update(...secretResources("client", first)));
  const bad: [object | Uint8Array, RegExp][] = [
    [new Uint8Array([1]), /Cannot read/],
    [{ name: "kubernetes://other", validationContext: { trustedCa: { inlineString: ca.root } } }, /must be that of/],
    [{ name: CLIENT }, /must hold a certificate/],
    [
      { name: CLIENT, tlsCertificate: { certificateChain: { inlineString: first.chain } } },
      /'tls_certificate.private_key'/,
    ],
    [{
      name: CLIENT,
      tlsCertificate: { certificateChain: { inlineString: first.chain }, privateKey: { inlineString: second.key } },
    }, /must be the key of the certificate/],
    [{
      name: CLIENT,
      tlsCertificate: { certificateChain: { inlineString: "none" }, privateKey: { inlineString: second.key } },
    }, /must hold a PEM certificate/],
    [{
      name: CLIENT,
      tlsCertificate: { certificateChain: { inlineString: first.chain }, privateKey: { inlineString: "s3cret" } },
    }, /must be readable/],
    [{
      name: CLIENT,
      validationContext: { trustedCa: { inlineString: ca.root }, crl: { inlineString: "" } },
    }, /revocation/],
    [{ name: CLIENT, validationContext: { trustedCa: { inlineString: "none" } } }, /root certificate/],
  ];
  for (const [value, expected] of bad) {
    const errors = secrets.apply(update({ name: CLIENT, value }));
    assert.equal(errors[0]?.name, CLIENT, String(expected));
    assert.match(errors[0]!.message, expected);
    assert.doesNotMatch(errors[0]!.message, /s3cret|PRIVATE/);
    assert.equal(secrets.certificate(CLIENT)!.chain, first.chain);
  }
});

Deno.test("The first answer is waited for, and not for ever", async () => {
  const clock = new FakeClock();
  const secrets = new DiscoveredSecrets(clock);
  assert.equal(secrets.firstAnswer(CLIENT), null);
  secrets.follow(new Set([CLIENT, ROOTS]));
  const [certificate, roots] = [secrets.firstAnswer(CLIENT), secrets.firstAnswer(ROOTS)];
  secrets.apply(update(...secretResources("client", first)));
  await certificate;
  assert.equal(secrets.firstAnswer(CLIENT), null);
  await clock.advance(200);
  assert.notEqual(secrets.firstAnswer(ROOTS), null);
  await clock.advance(50);
  await roots;
  assert.equal(secrets.firstAnswer(ROOTS), null);
  secrets.follow(new Set(["kubernetes://a"]));
  const unanswered = secrets.firstAnswer("kubernetes://a");
  await clock.advance(5_000);
  await unanswered;
  secrets.follow(new Set(["kubernetes://b"]));
  const last = secrets.firstAnswer("kubernetes://b");
  secrets.close();
  await last;
});
