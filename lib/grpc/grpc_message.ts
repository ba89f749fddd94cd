/**
 * The text of `grpc-message`: UTF-8 with everything but printable ASCII, and the percent sign, percent-encoded
 * (`doc/PROTOCOL-HTTP2.md` of gRPC).
 *
 * @module
 */

const UTF8 = new TextEncoder();
const HEX = "0123456789ABCDEF";

/** Encodes a message, or bytes that stand for one, for the wire. */
export function encodeGrpcMessage(message: string | Uint8Array): string {
  if (
    typeof message === "string" &&
    (/^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/.test(message) || message === "")
  ) {
    return message;
  }
  let encoded = "";
  const bytes = typeof message === "string" ? UTF8.encode(message) : message;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    // A blank at either end would be lost: header values have none there.
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25 || (byte === 0x20 && i > 0 && i < bytes.length - 1);
    encoded += plain ? String.fromCharCode(byte) : `%${HEX[byte >>> 4]}${HEX[byte & 15]}`;
  }
  return encoded;
}

/** Decodes a message; a wrong escape stays as it is, for a message must never be lost. */
export function decodeGrpcMessage(encoded: string): string {
  if (!/[%\x80-\xff]/.test(encoded)) return encoded;
  const bytes = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    const hex = encoded[i] === "%" ? encoded.slice(i + 1, i + 3) : "";
    const escaped = /^[0-9a-fA-F]{2}$/.test(hex);
    bytes[length++] = escaped ? parseInt(hex, 16) : encoded.charCodeAt(i);
    if (escaped) i += 2;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}
