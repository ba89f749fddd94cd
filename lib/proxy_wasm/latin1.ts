import { Buffer } from "node:buffer";

interface Latin1 {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

// Taken from the prototype: they work on any Uint8Array and cost a tenth of a TextDecoder.
const { latin1Slice, latin1Write } = Buffer.prototype as unknown as Latin1;

/** Texts up to this length are read and written in place: the call into the runtime costs as much as these bytes. */
const SHORT = 64;

/** The bytes from `start` to `end` as a byte string, a UTF-16 unit each. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT) return latin1Slice.call(bytes, start, end);
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** Writes the units of a byte string at `at`, where there is room for them. */
export function encodeLatin1(text: string, bytes: Uint8Array, at: number): void {
  const { length } = text;
  if (length > SHORT) latin1Write.call(bytes, text, at, length);
  else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
}
