import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_CLIENT_HELLO, peekClientHello } from "../../lib/transport/client_hello.ts";
import { clientHello } from "../support/client_hello.ts";

const WHOLE = { kind: "hello", hello: { sni: "example.com", alpn: ["h2", "http/1.1"] } };

Deno.test("server name and protocols are read, GREASE is left out", () => {
  assert.deepEqual(peekClientHello(clientHello()), WHOLE);
});

Deno.test("both are optional", () => {
  assert.deepEqual(peekClientHello(clientHello({ sni: null, alpn: null })), {
    kind: "hello",
    hello: { sni: null, alpn: [] },
  });
});

Deno.test("names are compared in lower case, bytes beyond ASCII are no name", () => {
  const upper = peekClientHello(clientHello({ sni: "Example.COM" }));
  assert.equal(upper.kind === "hello" && upper.hello.sni, "example.com");
  const strange = peekClientHello(clientHello({ sni: "ex\u00e4mple.com\0" }));
  assert.equal(strange.kind === "hello" && strange.hello.sni, null);
});

Deno.test("every cut asks for more, whatever the records", () => {
  for (const recordSize of [1, 5, 50, 16384]) {
    const wire = clientHello({ recordSize });
    for (let end = 1; end < wire.length; end++) {
      assert.deepEqual(peekClientHello(wire.subarray(0, end)), { kind: "more" }, `record ${recordSize}, cut at ${end}`);
    }
    assert.deepEqual(peekClientHello(wire), WHOLE);
  }
});

Deno.test("bytes behind the hello do not matter", () => {
  assert.deepEqual(peekClientHello(new Uint8Array([...clientHello(), 20, 3, 3, 0, 1, 1])), WHOLE);
});

Deno.test("an extension that appears twice is refused: two readers would choose two chains", () => {
  const sni = new Uint8Array([0, 4, 0, 0, 1, 0x61]);
  assert.equal(peekClientHello(clientHello({ extra: [[0, sni]] })).kind, "not_tls");
});

for (
  const [name, bytes] of [
    ["plaintext", new TextEncoder().encode("GET / HTTP/1.1\r\n")],
    ["SSL 2", new Uint8Array([0x80, 0x2e, 1, 3, 1])],
    ["another record version", new Uint8Array([22, 2, 0])],
    ["a ServerHello", new Uint8Array([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ["an empty record", new Uint8Array([22, 3, 1, 0, 0])],
    ["a huge record", new Uint8Array([22, 3, 1, 0xff, 0xff])],
    ["a huge hello", new Uint8Array([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff])],
    ["a tiny hello", new Uint8Array([22, 3, 1, 0, 4, 1, 0, 0, 1])],
    ["an alert behind half a hello", new Uint8Array([...clientHello().subarray(0, 9).with(4, 4), 21, 3, 3, 0, 2])],
  ] as const
) {
  Deno.test(`${name} is not TLS`, () => assert.equal(peekClientHello(bytes).kind, "not_tls"));
}

Deno.test("a hello that never ends is given up", () => {
  const bytes = new Uint8Array(MAX_CLIENT_HELLO * 2);
  for (let at = 0; at + 6 <= bytes.length; at += 6) bytes.set([22, 3, 1, 0, 1, at === 0 ? 1 : 0], at);
  assert.equal(peekClientHello(bytes).kind, "not_tls");
});

Deno.test("mutated hellos never throw, and what is read from them is plain ASCII", () => {
  const wire = clientHello();
  const mutation = fc.record({ at: fc.nat(wire.length - 1), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), fc.nat(wire.length), (mutations, length) => {
      const bytes = wire.slice(0, length);
      for (const { at, value } of mutations) if (at < length) bytes[at] = value;
      const peek = peekClientHello(bytes);
      if (peek.kind !== "hello") return;
      for (const text of [peek.hello.sni ?? "x", ...peek.hello.alpn]) assert.match(text, /^[\x21-\x7e]+$/);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("an answer does not change when more bytes arrive", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (tail, cut) => {
    const bytes = new Uint8Array([22, 3, 1, ...tail]);
    const early = peekClientHello(bytes.subarray(0, cut));
    if (early.kind !== "more") assert.deepEqual(peekClientHello(bytes), early);
  }));
});
