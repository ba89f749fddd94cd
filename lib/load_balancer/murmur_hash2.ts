import type { Hash64 } from "../internal/xx_hash64.ts";

const MASK = 0xffffffffffffffffn;
const MULTIPLIER = 0xc6a4a7935bd1e995n;

/** libstdc++'s seed, which Envoy uses (`STD_HASH_SEED`). */
const SEED = 0xc70f6907n;

/**
 * MurmurHash2, 64 bits (64A), of a byte string: `hash_function: MURMUR_HASH_2` of Envoy's ring, compatible with
 * `std::hash<string>` of libstdc++. Runs only where a ring is built, so plain BigInt does.
 */
export function murmurHash2(text: string): Hash64 {
  const length = text.length;
  let h = SEED ^ ((BigInt(length) * MULTIPLIER) & MASK);
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    let k = (bytes(text, at, 8) * MULTIPLIER) & MASK;
    k ^= k >> 47n;
    k = (k * MULTIPLIER) & MASK;
    h = ((h ^ k) * MULTIPLIER) & MASK;
  }
  if (at < length) h = ((h ^ bytes(text, at, length - at)) * MULTIPLIER) & MASK;
  h = ((h ^ (h >> 47n)) * MULTIPLIER) & MASK;
  h ^= h >> 47n;
  return { hi: Number(h >> 32n), lo: Number(h & 0xffffffffn) };
}

/** `count` bytes, little-endian. */
function bytes(text: string, at: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(text.charCodeAt(at + i) & 0xff);
  return value;
}
