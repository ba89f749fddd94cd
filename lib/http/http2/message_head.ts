import { FieldKind, type FieldKindValue } from "./hpack_field.ts";
import type { FieldSink } from "./hpack_decoder.ts";
import { HeaderList } from "../header_list.ts";

/** Bytes a field counts beyond its name and value (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;
/** A block may be that many times too large before the work of decoding the rest is refused as well. */
const BOMB_FACTOR = 8;

/**
 * Collects the fields of one header block and checks the rules of RFC 9113 section 8.2 and 8.3. One object serves a
 * connection; what it hands out is new each time.
 */
export class MessageHead implements FieldSink {
  readonly #maxBytes: number;
  readonly #maxFields: number;
  #pairs: string[] = [];
  /** Bytes of the decoded list, 32 a field included. */
  #bytes = 0;
  #fields = 0;
  #cookies = 0;
  #hosts = 0;
  #regular = false;
  /** Why the message is malformed; `null` while it is well formed. */
  malformed: string | null = null;
  /** Whether the list is above one of its limits: it is cut off there. */
  tooLarge = false;
  method: string | null = null;
  scheme: string | null = null;
  authority: string | null = null;
  path: string | null = null;
  status = 0;
  /** Declared length of the content, -1 for none. */
  contentLength = -1;

  /**
   * @param maxBytes The most bytes of a list.
   * @param maxFields The most fields of a list.
   */
  constructor(maxBytes: number, maxFields: number) {
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
  }

  /** Bytes of all names and values. */
  get bytes(): number {
    return this.#bytes - this.#fields * FIELD_OVERHEAD;
  }

  /** Whether a pseudo-header was among the fields. */
  get hasPseudo(): boolean {
    return this.method !== null || this.scheme !== null || this.authority !== null || this.path !== null ||
      this.status !== 0;
  }

  /** Whether so much was decoded beyond the limit that it can only be meant to hurt. */
  get isBomb(): boolean {
    return this.#bytes > this.#maxBytes * BOMB_FACTOR;
  }

  /** Begins a new block. */
  reset(): void {
    this.#pairs = [];
    this.#bytes =
      this.#fields =
      this.#cookies =
      this.#hosts =
        0;
    this.#regular = this.tooLarge = false;
    this.malformed =
      this.method =
      this.scheme =
      this.authority =
      this.path =
        null;
    this.status = 0;
    this.contentLength = -1;
  }

  field(name: string, value: string, kind: FieldKindValue): boolean {
    this.#bytes += name.length + value.length + FIELD_OVERHEAD;
    if (++this.#fields > this.#maxFields || this.#bytes > this.#maxBytes) {
      this.tooLarge = true;
      return !this.isBomb;
    }
    switch (kind) {
      case FieldKind.REGULAR:
        break;
      case FieldKind.COOKIE:
        this.#cookies++;
        break;
      case FieldKind.HOST:
        this.#hosts++;
        break;
      case FieldKind.CONTENT_LENGTH: {
        const length = Number(value);
        if (this.contentLength >= 0 && this.contentLength !== length) this.malformed = "content-length differs";
        if (this.contentLength >= 0) return true;
        this.contentLength = length;
        break;
      }
      case FieldKind.INVALID:
        this.malformed ??= `field '${printable(name)}' is not allowed or has a wrong value`;
        return true;
      default:
        this.#pseudo(name, value, kind);
        return true;
    }
    this.#regular = true;
    this.#pairs.push(name, value);
    return true;
  }

  /** The fields without pseudo-headers: cookies joined into one (section 8.2.3). */
  takeHeaders(): HeaderList {
    const headers = new HeaderList(this.#pairs);
    if (this.#cookies > 1) headers.set("cookie", headers.getAll("cookie").join("; "));
    this.#pairs = [];
    return headers;
  }

  /**
   * The fields of a request: `host` moves to the authority (section 8.3.1).
   * @returns `null` when the request is malformed; `malformed` tells why.
   */
  takeRequest(): { method: string; scheme: string; authority: string; path: string; headers: HeaderList } | null {
    const { method } = this;
    if (method === null) this.malformed ??= ":method is missing";
    if (this.status !== 0) this.malformed ??= ":status in a request";
    if (method === "CONNECT") {
      if (this.scheme !== null || this.path !== null) this.malformed ??= "CONNECT with :scheme or :path";
      if (this.authority === null || this.authority === "") this.malformed ??= "CONNECT without :authority";
    } else {
      if (this.scheme === null) this.malformed ??= ":scheme is missing";
      if (this.path === null) this.malformed ??= ":path is missing";
      if (this.path === "*" && method !== "OPTIONS") this.malformed ??= ":path '*' without OPTIONS";
    }
    const headers = this.takeHeaders();
    let authority = this.authority;
    if (this.#hosts > 0) {
      const host = headers.get("host")!;
      if (this.#hosts > 1) this.malformed ??= "host occurs twice";
      // Two different names for one target is how requests are smuggled past a policy.
      if (authority !== null && authority.toLowerCase() !== host.toLowerCase()) {
        this.malformed ??= ":authority and host differ";
      }
      authority = host;
      headers.delete("host");
    }
    if (this.malformed !== null) return null;
    return {
      method: method!,
      scheme: this.scheme ?? "http",
      authority: authority ?? "",
      path: this.path ?? "",
      headers,
    };
  }

  #pseudo(name: string, value: string, kind: FieldKindValue): void {
    if (this.#regular) this.malformed ??= `${name} stands behind a header`;
    switch (kind) {
      case FieldKind.METHOD:
        if (this.method !== null) this.malformed ??= ":method occurs twice";
        this.method = value;
        return;
      case FieldKind.SCHEME:
        if (this.scheme !== null) this.malformed ??= ":scheme occurs twice";
        this.scheme = value;
        return;
      case FieldKind.AUTHORITY:
        if (this.authority !== null) this.malformed ??= ":authority occurs twice";
        this.authority = value;
        return;
      case FieldKind.PATH:
        if (this.path !== null) this.malformed ??= ":path occurs twice";
        this.path = value;
        return;
      default:
        if (this.status !== 0) this.malformed ??= ":status occurs twice";
        this.status = Number(value);
    }
  }
}

function printable(name: string): string {
  return name.slice(0, 40).replace(/[^\x21-\x7e]/g, "?");
}
