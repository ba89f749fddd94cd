import assert from "node:assert/strict";
import fc from "fast-check";
import { hashModulo, xxHash64 } from "../../lib/internal/xx_hash64.ts";

const MASK = (1n << 64n) - 1n;
const P = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;

/** XXH64 by the specification, in BigInt. */
function reference(bytes: Uint8Array, seed: bigint): bigint {
  const rotate = (x: bigint, r: bigint) => ((x << r) | (x >> (64n - r))) & MASK;
  const round = (acc: bigint, lane: bigint) => (rotate((acc + lane * P[1]) & MASK, 31n) * P[0]) & MASK;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let h: bigint;
  if (bytes.length >= 32) {
    const v = [(seed + P[0] + P[1]) & MASK, (seed + P[1]) & MASK, seed, (seed - P[0]) & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) v[i] = round(v[i]!, view.getBigUint64(at + i * 8, true));
    }
    h = (rotate(v[0]!, 1n) + rotate(v[1]!, 7n) + rotate(v[2]!, 12n) + rotate(v[3]!, 18n)) & MASK;
    for (const lane of v) h = ((h ^ round(0n, lane)) * P[0] + P[3]) & MASK;
  } else {
    h = (seed + P[4]) & MASK;
  }
  h = (h + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    h = (rotate(h ^ round(0n, view.getBigUint64(at, true)), 27n) * P[0] + P[3]) & MASK;
  }
  if (at + 4 <= bytes.length) {
    h = (rotate(h ^ ((BigInt(view.getUint32(at, true)) * P[0]) & MASK), 23n) * P[1] + P[2]) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) h = (rotate(h ^ ((BigInt(bytes[at]!) * P[4]) & MASK), 11n) * P[0]) & MASK;
  h = ((h ^ (h >> 33n)) * P[1]) & MASK;
  h = ((h ^ (h >> 29n)) * P[2]) & MASK;
  return h ^ (h >> 32n);
}

function joined(text: string, seed = 0n): bigint {
  const { hi, lo } = xxHash64(text, { hi: Number(seed >> 32n), lo: Number(seed & 0xffffffffn) });
  return (BigInt(hi) << 32n) | BigInt(lo);
}

Deno.test("xxHash64 gives the published values", () => {
  assert.equal(joined(""), 0xef46db3751d8e999n);
  assert.equal(joined("a"), 0xd24ec4f1a98c6e5bn);
  assert.equal(joined("abc"), 0x44bc2cf5ad770999n);
  // The two values of Envoy's own hash test.
  assert.equal(joined("foo"), 3728699739546630719n);
  assert.equal(joined("bar"), 5234164152756840025n);
});

Deno.test("xxHash64 equals the specification for any bytes and seed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.bigInt({ min: 0n, max: MASK }), (bytes, seed) => {
      assert.equal(joined(String.fromCharCode(...bytes), seed), reference(bytes, seed));
    }),
    { numRuns: 500 },
  );
});

Deno.test("hashModulo is the exact remainder", () => {
  fc.assert(fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.integer({ min: 1, max: 2 ** 26 }), (hi, lo, m) => {
    assert.equal(BigInt(hashModulo({ hi, lo }, m)), ((BigInt(hi) << 32n) | BigInt(lo)) % BigInt(m));
  }));
});
