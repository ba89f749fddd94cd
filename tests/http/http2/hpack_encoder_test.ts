import fc from "fast-check";
import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http/http2/hpack_decoder.ts";
import { HPACK_BLOCK_OVERHEAD, HPACK_FIELD_OVERHEAD, HpackEncoder } from "../../../lib/http/http2/hpack_encoder.ts";
import { InvalidFieldError } from "../../../lib/http/http2/invalid_field_error.ts";

function encode(encoder: HpackEncoder, fields: readonly (readonly [string, string])[]): Uint8Array {
  const room = fields.reduce((sum, [name, value]) => sum + name.length + value.length + HPACK_FIELD_OVERHEAD, 0);
  const bytes = new Uint8Array(HPACK_BLOCK_OVERHEAD + room);
  encoder.begin(bytes, 0);
  for (const [name, value] of fields) encoder.field(name, value);
  const end = encoder.finish();
  assert.ok(end <= bytes.length, "a block outgrew its bound");
  return bytes.subarray(0, end);
}

function decode(decoder: HpackDecoder, block: Uint8Array): [string, string][] {
  const fields: [string, string][] = [];
  decoder.decode(block, 0, block.length, { field: (name, value) => (fields.push([name, value]), true) });
  return fields;
}

const value = fc.oneof(
  fc.constantFrom("", "GET", "gzip, deflate", "1", "a b", "é", "x".repeat(200), "200"),
  fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?$/),
);
const field = fc.tuple(
  fc.oneof(
    fc.constantFrom(":method", ":path", ":status", "content-type", "authorization", "x-request-id", "a", "cookie"),
    fc.stringMatching(/^[a-z0-9-]{1,12}$/).filter((name) =>
      !["connection", "upgrade", "host", "keep-alive", "proxy-connection", "transfer-encoding"].includes(name)
    ),
  ),
  value,
);

Deno.test("what is encoded decodes to the same, through table changes of any kind", () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ fields: fc.array(field, { maxLength: 12 }), repeat: fc.integer({ min: 1, max: 4 }) }),
    },
    fc.record({ limit: fc.constantFrom(0, 40, 100, 200, 1000, 4096, 10_000, 100_000) }),
  );
  fc.assert(fc.property(fc.constantFrom(0, 100, 4096, 16_384), fc.array(step, { maxLength: 20 }), (own, steps) => {
    const encoder = new HpackEncoder(own);
    const decoder = new HpackDecoder(100_000);
    for (const each of steps) {
      if ("limit" in each) {
        encoder.setPeerLimit(each.limit);
        continue;
      }
      for (let i = 0; i < each.repeat; i++) {
        assert.deepEqual(decode(decoder, encode(encoder, each.fields)), each.fields.map(([n, v]) => [n, v]));
        assert.equal(encoder.tableBytes, decoder.tableBytes);
        assert.ok(encoder.tableBytes <= own);
      }
    }
  }));
});

Deno.test("a field that repeats costs one byte from the third time on", () => {
  const encoder = new HpackEncoder();
  const sizes = [1, 2, 3, 4].map(() => encode(encoder, [["x-constant", "the same value"]]).length);
  assert.ok(sizes[0]! > 20 && sizes[1]! > 10);
  assert.deepEqual(sizes.slice(2), [1, 1]);
  assert.equal(encode(encoder, [[":method", "GET"], [":status", "200"]]).length, 2);
});

Deno.test("values that never repeat do not enter the table", () => {
  const encoder = new HpackEncoder();
  for (let i = 0; i < 200; i++) encode(encoder, [["x-request-id", `${i}`], ["x-other", `${i}`]]);
  assert.equal(encoder.tableBytes, 0);
});

Deno.test("a name whose values began as new ones is indexed again when they repeat", () => {
  const encoder = new HpackEncoder();
  for (let i = 0; i < 40; i++) encode(encoder, [["x-other", `${i}`]]);
  for (let i = 0; i < 1100; i++) encode(encoder, [["x-other", "constant"]]);
  assert.equal(encode(encoder, [["x-other", "constant"]]).length, 1);
});

Deno.test("secrets are sent as never to be indexed", () => {
  const encoder = new HpackEncoder();
  for (const name of ["authorization", "cookie", "set-cookie", "proxy-authorization"]) {
    for (let i = 0; i < 3; i++) assert.equal(encode(encoder, [[name, "secret"]])[0]! & 0xf0, 0x10, name);
  }
  assert.equal(encoder.tableBytes, 0);
});

Deno.test("fields about the connection are left out", () => {
  const fields = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"];
  assert.equal(encode(new HpackEncoder(), fields.map((name) => [name, "x"] as const)).length, 0);
});

Deno.test("a field no message may carry is refused, and the next block is right", () => {
  const wrong: [string, string][] = [
    ["x-a", "line\nend"],
    ["x-a", "line\rend"],
    ["x-a", "nul\0"],
    ["x-a", " blank"],
    ["x-a", "blank "],
    ["x-a", "\u010a"],
    ["x-a", "\u4e2d"],
    ["X-Upper", "a"],
    ["", "a"],
    ["x a", "a"],
    ["x\u010a", "a"],
  ];
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const good: [string, string][] = [["x-good", "value"], [":path", "/somewhere"]];
  for (const bad of wrong) {
    for (let i = 0; i < 3; i++) assert.deepEqual(decode(decoder, encode(encoder, good)), good);
    assert.throws(() => encode(encoder, [["x-good", "other"], ["x-good", "other"], bad]), InvalidFieldError);
    encoder.reset();
    assert.deepEqual(decode(decoder, encode(encoder, good)), good);
  }
});

Deno.test("a sender of ever new names does not fill memory", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let i = 0; i < 3000; i++) {
    const fields: [string, string][] = [[`x-name-${i}`, "v"], ["x-constant", "v"]];
    assert.deepEqual(decode(decoder, encode(encoder, fields)), fields);
  }
});
