import { decodeLatin1, encodeLatin1 } from "./latin1.ts";

/** Limits of what a module may hand over, as of Envoy's host. */
const MAX_BYTES = 1024 * 1024;
const MAX_PAIRS = 1024;

/** Bytes that a flat list of names and values takes: a count, lengths, and each text with a NUL after it. */
export function pairsSize(pairs: readonly string[]): number {
  if (pairs.length === 0) return 0;
  let size = 4 + pairs.length * 5;
  for (const text of pairs) size += text.length;
  return size;
}

/** Writes a flat list of names and values into `target`, which has {@linkcode pairsSize} bytes. */
export function encodePairs(pairs: readonly string[], target: Uint8Array): void {
  let length = 0;
  length = writeU32(target, length, pairs.length / 2);
  for (const text of pairs) length = writeU32(target, length, text.length);
  for (const text of pairs) {
    encodeLatin1(text, target, length);
    length += text.length;
    target[length++] = 0;
  }
}

/** Reads a flat list of names and values. What is no such list, or is too large, gives an empty one, as in Envoy. */
export function decodePairs(bytes: Uint8Array): string[] {
  if (bytes.length < 4 || bytes.length > MAX_BYTES) return [];
  const count = readU32(bytes, 0);
  if (count > MAX_PAIRS) return [];
  const texts = count * 2;
  let at = 4 + texts * 4;
  if (at > bytes.length) return [];
  const pairs: string[] = [];
  for (let i = 0; i < texts; i++) {
    const end = at + readU32(bytes, 4 + i * 4);
    if (end >= bytes.length || bytes[end] !== 0) return [];
    pairs.push(decodeLatin1(bytes, at, end));
    at = end + 1;
  }
  return at === bytes.length ? pairs : [];
}

function writeU32(target: Uint8Array, at: number, value: number): number {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
  return at + 4;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
