/** An unsigned 64-bit number in two halves: BigInt would cost ten times as much on the request path. */
export interface Hash64 {
  /** Upper 32 bits, unsigned. */
  readonly hi: number;
  /** Lower 32 bits, unsigned. */
  readonly lo: number;
}

/** A 64-bit register. Every operation works in place, modulo 2^64; the halves are signed while it works. */
class Register {
  hi: number;
  lo: number;

  constructor(hi: number, lo: number) {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  add(hi: number, lo: number): this {
    const sum = (this.lo >>> 0) + (lo >>> 0);
    this.lo = sum | 0;
    this.hi = (this.hi + hi + (sum > 0xffffffff ? 1 : 0)) | 0;
    return this;
  }

  xor(hi: number, lo: number): this {
    this.hi ^= hi;
    this.lo ^= lo;
    return this;
  }

  multiply(hi: number, lo: number): this {
    const a0 = this.lo & 0xffff;
    const a1 = this.lo >>> 16;
    const b0 = lo & 0xffff;
    const b1 = lo >>> 16;
    // The upper half of the 32 x 32 bit product, by 16-bit pieces: both sums in the middle stay below 2^32.
    const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
    const middle2 = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
    const upper = (Math.imul(a1, b1) + (middle >>> 16) + (middle2 >>> 16)) | 0;
    this.hi = (upper + Math.imul(this.hi, lo) + Math.imul(this.lo, hi)) | 0;
    this.lo = Math.imul(this.lo, lo);
    return this;
  }

  /** @param bits 1 to 31. */
  rotateLeft(bits: number): this {
    const { hi, lo } = this;
    this.hi = (hi << bits) | (lo >>> (32 - bits));
    this.lo = (lo << bits) | (hi >>> (32 - bits));
    return this;
  }

  /** Mixes in the register itself, shifted right by 1 to 63 bits. */
  xorShiftRight(bits: number): this {
    if (bits >= 32) {
      this.lo ^= this.hi >>> (bits - 32);
    } else {
      const { hi, lo } = this;
      this.hi = hi ^ (hi >>> bits);
      this.lo = lo ^ ((lo >>> bits) | (hi << (32 - bits)));
    }
    return this;
  }
}

// The five primes of the XXH64 specification, in halves.
const P1H = 0x9e3779b1, P1L = 0x85ebca87;
const P2H = 0xc2b2ae3d, P2L = 0x27d4eb4f;
const P3H = 0x165667b1, P3L = 0x9e3779f9;
const P4H = 0x85ebca77, P4L = 0xc2b2ae63;
const P5H = 0x27d4eb2f, P5L = 0x165667c5;

const ZERO: Hash64 = { hi: 0, lo: 0 };

/**
 * XXH64 of a byte string (each UTF-16 unit one byte), the hash Envoy uses for hash policies, rings and Maglev tables.
 *
 * @param text The bytes.
 * @param seed The seed.
 * @default {0} for `seed`
 */
export function xxHash64(text: string, seed: Hash64 = ZERO): Hash64 {
  const length = text.length;
  let at = 0;
  let h: Register;
  if (length >= 32) {
    const v1 = new Register(seed.hi, seed.lo).add(P1H, P1L).add(P2H, P2L);
    const v2 = new Register(seed.hi, seed.lo).add(P2H, P2L);
    const v3 = new Register(seed.hi, seed.lo);
    // Minus P1 is plus its two's complement.
    const v4 = new Register(seed.hi, seed.lo).add(~P1H, ~P1L).add(0, 1);
    for (; at + 32 <= length; at += 32) {
      round(v1, text, at);
      round(v2, text, at + 8);
      round(v3, text, at + 16);
      round(v4, text, at + 24);
    }
    h = new Register(v1.hi, v1.lo).rotateLeft(1);
    for (const [lane, bits] of [[v2, 7], [v3, 12], [v4, 18]] as const) {
      const turned = new Register(lane.hi, lane.lo).rotateLeft(bits);
      h.add(turned.hi, turned.lo);
    }
    for (const lane of [v1, v2, v3, v4]) {
      lane.multiply(P2H, P2L).rotateLeft(31).multiply(P1H, P1L);
      h.xor(lane.hi, lane.lo).multiply(P1H, P1L).add(P4H, P4L);
    }
  } else {
    h = new Register(seed.hi, seed.lo).add(P5H, P5L);
  }
  h.add(0, length);
  const k = new Register(0, 0);
  for (; at + 8 <= length; at += 8) {
    k.lo = word(text, at);
    k.hi = word(text, at + 4);
    k.multiply(P2H, P2L).rotateLeft(31).multiply(P1H, P1L);
    h.xor(k.hi, k.lo).rotateLeft(27).multiply(P1H, P1L).add(P4H, P4L);
  }
  if (at + 4 <= length) {
    k.hi = 0;
    k.lo = word(text, at);
    k.multiply(P1H, P1L);
    h.xor(k.hi, k.lo).rotateLeft(23).multiply(P2H, P2L).add(P3H, P3L);
    at += 4;
  }
  for (; at < length; at++) {
    k.hi = 0;
    k.lo = text.charCodeAt(at) & 0xff;
    k.multiply(P5H, P5L);
    h.xor(k.hi, k.lo).rotateLeft(11).multiply(P1H, P1L);
  }
  h.xorShiftRight(33).multiply(P2H, P2L).xorShiftRight(29).multiply(P3H, P3L).xorShiftRight(32);
  return { hi: h.hi >>> 0, lo: h.lo >>> 0 };
}

function round(lane: Register, text: string, at: number): void {
  const k = new Register(word(text, at + 4), word(text, at)).multiply(P2H, P2L);
  lane.add(k.hi, k.lo).rotateLeft(31).multiply(P1H, P1L);
}

/** Four bytes, little-endian. */
function word(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xff) | ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) | ((text.charCodeAt(at + 3) & 0xff) << 24);
}

/** The remainder of a hash by `modulus`, which is below 2^26 (the products stay exact in a double). */
export function hashModulo(hash: Hash64, modulus: number): number {
  return ((hash.hi % modulus) * (0x100000000 % modulus) + hash.lo % modulus) % modulus;
}
