import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteArena } from "../../lib/resource/byte_arena.ts";

Deno.test("An arena keeps copies that do not overlap, in few chunks", () => {
  const strings = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 50 });
  fc.assert(fc.property(strings, fc.nat(2000), (strings, expected) => {
    const arena = new ByteArena(expected);
    const originals = strings.map((bytes) => bytes.slice());
    const kept = strings.map((bytes) => arena.keep(bytes));
    for (const bytes of strings) bytes.fill(0);
    assert.deepEqual(kept, originals);
  }));
});

Deno.test("What is expected is allocated, and no more", () => {
  const arena = new ByteArena(10);
  const [a, b] = [arena.keep(Uint8Array.of(1, 2, 3)), arena.keep(new Uint8Array(7))];
  assert.equal(a!.buffer, b!.buffer);
  assert.equal(a!.buffer.byteLength, 10);
  assert.equal(arena.keep(new Uint8Array(4)).buffer.byteLength, 4);
});
