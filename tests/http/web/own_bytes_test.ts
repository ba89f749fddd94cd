import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ownBytes } from "../../../lib/http/web/own_bytes.ts";

Deno.test("ownBytes() copies a piece of a larger buffer and nothing else", () => {
  const whole = new Uint8Array([1, 2, 3]);
  assert.equal(ownBytes(whole), whole);
  const piece = ownBytes(whole.subarray(1));
  assert.deepEqual([...piece], [2, 3]);
  assert.equal(piece.buffer.byteLength, 2);
  const pooled = ownBytes(Buffer.from([4, 5]));
  assert.deepEqual([...pooled], [4, 5]);
  assert.equal(pooled.buffer.byteLength, 2);
  assert.equal(pooled.constructor, Uint8Array);
  const buffer = Buffer.from(new Uint8Array([6]).buffer);
  assert.equal(ownBytes(buffer).buffer, buffer.buffer);
  assert.equal(ownBytes(buffer).constructor, Uint8Array);
});
