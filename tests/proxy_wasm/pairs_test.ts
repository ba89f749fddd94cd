import assert from "node:assert/strict";
import fc from "fast-check";
import { decodePairs, encodePairs, pairsSize } from "../../lib/proxy_wasm/pairs.ts";

function encode(pairs: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(pairsSize(pairs));
  if (bytes.length > 0) encodePairs(pairs, bytes);
  return bytes;
}

const byteString = fc.uint8Array({ maxLength: 100 }).map((bytes) => String.fromCharCode(...bytes));

Deno.test("pairs: any byte strings come back as they were", () => {
  fc.assert(fc.property(fc.array(fc.tuple(byteString, byteString), { maxLength: 20 }), (pairs) => {
    assert.deepEqual(decodePairs(encode(pairs.flat())), pairs.flat());
  }));
});

Deno.test("pairs: a list is a count, lengths, and texts that end with NUL", () => {
  assert.deepEqual([...encode(["a", "12"])], [1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 97, 0, 49, 50, 0]);
  assert.deepEqual(encode([]), new Uint8Array(0));
});

Deno.test("pairs: whatever is no list gives an empty one", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    assert.ok(decodePairs(bytes).length % 2 === 0);
  }));
  const good = encode(["a", "12"]);
  assert.deepEqual(decodePairs(good.subarray(0, -1)), []);
  assert.deepEqual(decodePairs(new Uint8Array([...good, 0])), []);
  for (const at of [4, 8]) {
    const bad = good.slice();
    new DataView(bad.buffer).setUint32(at, 0xffffffff, true);
    assert.deepEqual(decodePairs(bad), []);
  }
  assert.deepEqual(decodePairs(encode(Array(1025 * 2).fill("a"))), []);
  assert.equal(decodePairs(encode(Array(1024 * 2).fill("a"))).length, 2048);
  assert.deepEqual(decodePairs(encode(["a", "x".repeat(1024 * 1024)])), []);
});
