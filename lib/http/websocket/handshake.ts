const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** The version of the protocol: RFC 6455's. */
export const VERSION = "13";

/** A fresh `sec-websocket-key`. */
export function newHandshakeKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64();
}

/** Whether a `sec-websocket-key` is sixteen bytes in base64. */
export function isHandshakeKey(key: string): boolean {
  return KEY.test(key);
}

/** The `sec-websocket-accept` that answers a key (RFC 6455 section 4.2.2). */
export async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return new Uint8Array(digest).toBase64();
}

/** Names of sub-protocols in a `sec-websocket-protocol` field; `null` where it is malformed. */
export function readProtocols(value: string): string[] | null {
  const names = value.split(",").map((name) => name.trim());
  return names.every((name) => TOKEN.test(name)) ? names : null;
}

/** Whether a sub-protocol can be named. */
export function isProtocolName(name: string): boolean {
  return TOKEN.test(name);
}
