import { Buffer } from "node:buffer";

// Taken from the prototype: it works on any Uint8Array and costs a tenth of a TextDecoder.
const slice = Buffer.prototype.latin1Slice;

/** The bytes from `start` to `end` as a string of as many units (ISO 8859-1). */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  return slice.call(bytes as Buffer, start, end);
}

/** The units of a string as bytes; those above 255 lose their upper half. */
export function encodeLatin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
