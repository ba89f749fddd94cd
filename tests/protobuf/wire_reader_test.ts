import assert from "node:assert/strict";
import fc from "fast-check";
import { WireReader } from "../../lib/protobuf/wire_reader.ts";

function fields(bytes: Uint8Array): [number, number, number[]][] {
  const found: [number, number, number[]][] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) found.push([reader.field, reader.value, [...reader.bytes()]]);
  return found;
}

Deno.test("WireReader reads numbers, lengths and fixed sizes", () => {
  const bytes = new Uint8Array([0x08, 0xac, 0x02, 0x12, 0x02, 7, 8, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(fields(bytes), [
    [1, 300, []],
    [2, 0, [7, 8]],
    [3, 0, [1, 2, 3, 4]],
    [4, 0, [1, 2, 3, 4, 5, 6, 7, 8]],
  ]);
});

Deno.test("WireReader ends with an error on bytes that are no message, never in a loop", () => {
  for (const bytes of [[0x08], [0x08, 0xff], [0x12, 5, 1], [0x0b], [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]]) {
    assert.throws(() => fields(new Uint8Array(bytes)), RangeError, String(bytes));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      for (const [, , content] of fields(bytes)) assert.ok(content.length <= bytes.length);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }));
});

Deno.test("WireReader gives the expected string itself where the content is that, and the content otherwise", () => {
  fc.assert(fc.property(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), (content, other) => {
    const encoded = new TextEncoder().encode(content);
    const reader = new WireReader(Uint8Array.of(0x0a, encoded.length, ...encoded));
    assert.ok(reader.next());
    const text = new TextDecoder().decode(encoded);
    for (const expected of [content, other, ""]) assert.equal(reader.stringLike(expected), text);
  }));
});
