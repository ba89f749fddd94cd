/**
 * The Huffman code of HPACK (RFC 7541 appendix B). The code is canonical, so that its 257 lengths say everything: codes
 * ascend with the length and, within one length, with the symbol.
 *
 * @module
 */

// deno-fmt-ignore
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
const LONGEST = 30;
/** Codes up to this length are found by one look-up; they cover all of printable ASCII that is common in headers. */
const SHORT = 10;

const CODES = new Uint32Array(257);
/** By length: the first code, left-aligned to 30 bits, above the last code of that length. */
const CEILINGS = new Uint32Array(LONGEST + 1);
/** By length: what to add to a code of that length to get its place in `SYMBOLS`. */
const OFFSETS = new Int32Array(LONGEST + 1);
const SYMBOLS = new Uint16Array(257);
/** By the next ten bits: `symbol << 4 | length`, or 0 where the code is longer. */
const LOOKUP = new Uint16Array(1 << SHORT);

let nextCode = 0;
let nextPlace = 0;
for (let length = 1; length <= LONGEST; length++) {
  nextCode <<= 1;
  OFFSETS[length] = nextPlace - nextCode;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    if (LENGTHS[symbol] !== length) continue;
    CODES[symbol] = nextCode;
    SYMBOLS[nextPlace++] = symbol;
    if (length <= SHORT) {
      const first = nextCode << (SHORT - length);
      LOOKUP.fill(symbol << 4 | length, first, first + (1 << (SHORT - length)));
    }
    nextCode++;
  }
  CEILINGS[length] = nextCode * 2 ** (LONGEST - length);
}

/** Number of bytes `text` (a byte string) takes when Huffman-coded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >>> 3;
}

/**
 * Writes `text` (a byte string) Huffman-coded.
 *
 * @param text What to write.
 * @param target Where to, with room for `huffmanLength(text)` bytes.
 * @param at Offset of the first byte.
 * @returns The offset behind the last byte.
 */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  // At most 7 bits wait between symbols; with a code of 30 bits that needs 37, so long codes are fed in two halves.
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let code = CODES[symbol]!;
    let length = LENGTHS[symbol]!;
    if (length > 16) {
      length -= 16;
      bits = bits << length | code >>> 16;
      count += length;
      while (count >= 8) target[at++] = bits >>> (count -= 8);
      code &= 0xffff;
      length = 16;
    }
    bits = bits << length | code;
    count += length;
    while (count >= 8) target[at++] = bits >>> (count -= 8);
  }
  if (count > 0) target[at++] = bits << (8 - count) | 0xff >>> count;
  return at;
}

/**
 * Decodes a Huffman-coded string.
 *
 * @param bytes Where the coded string is.
 * @param start Its first byte.
 * @param end Behind its last byte.
 * @param target Receives the decoded bytes from offset 0; a coded byte yields at most 1.6.
 * @returns The number of decoded bytes; -1 when the coding is wrong (EOS inside, or padding that is too long or not of
 * ones: RFC 7541 section 5.2).
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const total = (end - start) * 8;
  let to = 0;
  for (let position = 0; position < total;) {
    // Ones are what padding consists of, so they stand in behind the end.
    const at = start + (position >>> 3);
    const three = bytes[at]! << 16 | (at + 1 < end ? bytes[at + 1]! : 0xff) << 8 |
      (at + 2 < end ? bytes[at + 2]! : 0xff);
    const found = LOOKUP[three >>> (14 - (position & 7)) & 0x3ff]!;
    let length = found & 15;
    let symbol = found >>> 4;
    if (found === 0) {
      const left = total - position;
      if (left < 8 && (bytes[end - 1]! & (1 << left) - 1) === (1 << left) - 1) return to;
      const code = thirtyBits(bytes, at, end, position & 7);
      length = SHORT + 1;
      while (code >= CEILINGS[length]!) length++;
      symbol = SYMBOLS[OFFSETS[length]! + (code >>> (LONGEST - length))]!;
      if (symbol === EOS) return -1;
    }
    position += length;
    if (position > total) return -1;
    target[to++] = symbol;
  }
  return to;
}

/** The 30 bits that begin `skip` bits into the byte at `at`, with ones behind the end. */
function thirtyBits(bytes: Uint8Array, at: number, end: number, skip: number): number {
  let high = 0;
  for (let i = 0; i < 4; i++) high = high << 8 | (at + i < end ? bytes[at + i]! : 0xff);
  const low = at + 4 < end ? bytes[at + 4]! : 0xff;
  // 32 bits at hand, of which the first `skip` are used up; the fifth byte makes up for them.
  return (high << skip | low >>> (8 - skip)) >>> 2;
}
