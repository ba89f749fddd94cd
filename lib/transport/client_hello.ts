/** What a TLS ClientHello asks for, as far as filter chains look at it. */
export interface ClientHello {
  /** Server name (RFC 6066), lower case; `null` for none. */
  readonly sni: string | null;
  /** Offered protocols (RFC 7301), without GREASE values. */
  readonly alpn: readonly string[];
}

/** `more`: the bytes may yet become a ClientHello; `not_tls`: they will not. */
export type ClientHelloPeek =
  | { readonly kind: "more" }
  | { readonly kind: "not_tls" }
  | { readonly kind: "hello"; readonly hello: ClientHello };

/** A ClientHello larger than that is not waited for (Envoy's tls_inspector: 16 KiB; post-quantum keys fit easily). */
export const MAX_CLIENT_HELLO = 16 * 1024;

const MORE: ClientHelloPeek = { kind: "more" };
const NOT_TLS: ClientHelloPeek = { kind: "not_tls" };
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;

/**
 * Looks at the first bytes of a connection (RFC 8446, sections 4.1.2 and 5.1). Call it again with more bytes, from the
 * start, while it answers `more`. Never throws: what does not parse is not TLS.
 *
 * @param bytes Everything received so far.
 */
export function peekClientHello(bytes: Uint8Array): ClientHelloPeek {
  const records = joinRecords(bytes);
  if (records === null) return NOT_TLS;
  const { body, complete } = records;
  if (body.length > 0 && body[0] !== CLIENT_HELLO) return NOT_TLS;
  if (body.length >= 4) {
    const length = (body[1]! << 16) | (body[2]! << 8) | body[3]!;
    if (length < MIN_CLIENT_HELLO || length > MAX_CLIENT_HELLO) return NOT_TLS;
    if (body.length >= 4 + length) {
      const hello = parseBody(new Fields(body.subarray(4, 4 + length)));
      return hello === null ? NOT_TLS : { kind: "hello", hello };
    }
  }
  return complete || bytes.length > MAX_CLIENT_HELLO + 4096 ? NOT_TLS : MORE;
}

/** Version, random, session id length, one cipher suite, one compression method. */
const MIN_CLIENT_HELLO = 2 + 32 + 1 + 4 + 2;

/**
 * The handshake bytes of the records seen so far; `null` when a record is not one of a handshake. `complete` says that
 * no more bytes may follow, as records of another kind do.
 */
function joinRecords(bytes: Uint8Array): { body: Uint8Array; complete: boolean } | null {
  const parts: Uint8Array[] = [];
  let size = 0;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== HANDSHAKE_RECORD) return parts.length === 0 ? null : { body: join(parts, size), complete: true };
    // Record versions 3.0 to 3.4 exist in first flights; the legacy minor number carries no meaning (RFC 8446, 5.1).
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return null;
    if (at + 2 < bytes.length && bytes[at + 2]! > 4) return null;
    if (at + 5 > bytes.length) break;
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    // Empty records would let a peer send for ever without getting anywhere.
    if (length === 0 || length > 16 * 1024) return null;
    const part = bytes.subarray(at + 5, Math.min(at + 5 + length, bytes.length));
    parts.push(part);
    size += part.length;
    at += 5 + length;
  }
  return { body: join(parts, size), complete: false };
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads length-prefixed fields; `ok` turns false for good when one runs past the end. */
class Fields {
  ok = true;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return !this.ok || this.#at >= this.#bytes.length;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) this.ok = false;
  }

  uint(size: 1 | 2): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.skip(size);
    return value;
  }

  /** A field whose length stands before it in `size` bytes. */
  vector(size: 1 | 2): Fields {
    const length = this.uint(size);
    const start = this.#at;
    this.skip(length);
    return new Fields(this.ok ? this.#bytes.subarray(start, start + length) : new Uint8Array());
  }

  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}

function parseBody(fields: Fields): ClientHello | null {
  fields.skip(2 + 32); // legacy version, random
  fields.vector(1); // legacy session id
  const suites = fields.vector(2);
  fields.vector(1); // compression methods
  if (!fields.ok || suites.done) return null;
  let sni: string | null = null;
  let alpn: string[] = [];
  if (!fields.done) {
    const extensions = fields.vector(2);
    const seen = new Set<number>();
    while (!extensions.done) {
      const type = extensions.uint(2);
      const data = extensions.vector(2);
      // RFC 8446, section 4.2: one of each type. Two readers that pick different ones would choose different chains.
      if (!extensions.ok || seen.has(type)) return null;
      seen.add(type);
      if (type === 0) sni = readServerName(data);
      else if (type === 16) {
        const names = readProtocols(data);
        if (names === null) return null;
        alpn = names;
      }
    }
    if (!extensions.ok || !fields.ok) return null;
  }
  return { sni, alpn };
}

function readServerName(data: Fields): string | null {
  const list = data.vector(2);
  while (!list.done) {
    const type = list.uint(1);
    const name = list.vector(2).rest;
    if (!list.ok) return null;
    if (type === 0) return name.length === 0 || name.length > 255 ? null : readAscii(name)?.toLowerCase() ?? null;
  }
  return null;
}

function readProtocols(data: Fields): string[] | null {
  const list = data.vector(2);
  const names: string[] = [];
  while (!list.done) {
    const name = list.vector(1).rest;
    if (!list.ok || name.length === 0) return null;
    // Names beyond ASCII can match nothing that is configured.
    const text = isGrease(name) ? null : readAscii(name);
    if (text !== null) names.push(text);
  }
  return data.ok ? names : null;
}

/** RFC 8701: two equal bytes that end with hexadecimal A. */
function isGrease(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === name[1] && (name[0]! & 0x0f) === 0x0a;
}

function readAscii(bytes: Uint8Array): string | null {
  let text = "";
  for (const byte of bytes) {
    if (byte <= 0x20 || byte >= 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
