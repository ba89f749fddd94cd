/** Every character below U+0080. */
// deno-lint-ignore no-control-regex -- the range of ASCII is what is asked for
const ASCII_ONLY = /^[\x00-\x7f]*$/;

/** Whether text holds ASCII only: then it and its byte string are the same. */
export function isAscii(text: string): boolean {
  return ASCII_ONLY.test(text);
}

/**
 * The byte string of a text: its UTF-8 bytes, one a UTF-16 unit, as header values travel (`http/header_list.ts`).
 * Configured values are turned into it once, so that comparing them with header values compares bytes.
 */
export function toByteString(text: string): string {
  if (isAscii(text)) return text;
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return out;
}

/** The text of a byte string; `null` where the bytes are not UTF-8. */
export function fromByteString(bytes: string): string | null {
  if (isAscii(bytes)) return bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)),
    );
  } catch {
    return null;
  }
}
