/**
 * Decodes base64 as Envoy does: whole groups of four with their padding, nothing in between.
 *
 * @returns The bytes, or `null` for anything else.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  // The runtime skips white space.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}
