import fc from "fast-check";
import assert from "node:assert/strict";
import { huffmanDecode, huffmanEncode, huffmanLength } from "../../../lib/http/http2/huffman.ts";

function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(huffmanLength(text));
  assert.equal(huffmanEncode(text, bytes, 0), bytes.length);
  return bytes;
}

function decode(bytes: Uint8Array): string | null {
  const target = new Uint8Array(bytes.length * 2);
  const length = huffmanDecode(bytes, 0, bytes.length, target);
  assert.ok(length <= target.length);
  return length < 0 ? null : String.fromCharCode(...target.subarray(0, length));
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

Deno.test("the strings of RFC 7541 appendix C.4 and C.6 are coded as there", () => {
  const vectors = [
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-key", "25a849e95ba97d7f"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["302", "6402"],
    ["private", "aec3771a4b"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
    ["gzip", "9bd9ab"],
    [
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
      "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  ] as const;
  for (const [text, coded] of vectors) {
    assert.deepEqual(encode(text), hex(coded));
    assert.equal(decode(hex(coded)), text);
  }
});

Deno.test("any byte string survives", () => {
  const every = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  assert.equal(decode(encode(every)), every);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const text = String.fromCharCode(...bytes);
    assert.equal(decode(encode(text)), text);
  }));
});

Deno.test("garbage decodes to what encodes to it, or not at all", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    const text = decode(bytes);
    if (text !== null) assert.deepEqual(encode(text), bytes);
  }));
});

Deno.test("wrong padding and EOS are refused", () => {
  assert.equal(decode(hex("a8eb10649cbfff")), null, "a whole byte of padding");
  assert.equal(decode(hex("18")), null, "padding of zeros");
  assert.equal(decode(hex("ffffffff")), null, "EOS");
  assert.equal(decode(hex("ff")), null, "only padding, eight bits of it");
  assert.equal(decode(new Uint8Array(0)), "");
});
