import { WireReader } from "../protobuf/wire_reader.ts";

/** Field number of `domains` in `envoy.config.route.v3.VirtualHost`. */
const DOMAINS = 2;
const STAR = 0x2a;
const text = new TextEncoder();

/**
 * Where the exact domains of many virtual hosts are on the wire, found by hash: fifty thousand domains without a string
 * or an object for any of them. Domains with a `*` are listed apart.
 */
export class DomainIndex {
  /** Domains with a `*`, lower case, with the number of their virtual host, in order. */
  readonly wildcards: readonly { readonly domain: string; readonly host: number }[];
  readonly #bytes: Uint8Array;
  /** Entries by hash, open addressing: the number of an entry plus one, 0 where there is none. */
  readonly #slots: Int32Array;
  /** Three numbers an entry: begin and end of the domain in the bytes, number of the virtual host. */
  readonly #entries: Int32Array;

  /**
   * @param bytes The memory all virtual hosts are views of.
   * @param hosts The virtual hosts on the wire. Where two claim a domain the first one has it.
   * @throws {RangeError} When one is not a message.
   */
  constructor(bytes: Uint8Array, hosts: readonly Uint8Array[]) {
    this.#bytes = bytes;
    const places: number[] = [];
    const wildcards: { domain: string; host: number }[] = [];
    hosts.forEach((host, number) => {
      const start = host.byteOffset - bytes.byteOffset;
      const reader = new WireReader(host);
      while (reader.next()) {
        if (reader.field !== DOMAINS || reader.wireType !== 2) continue;
        const { contentStart, position } = reader;
        if (host[contentStart] === STAR || host[position - 1] === STAR) {
          wildcards.push({ domain: reader.string().toLowerCase(), host: number });
        } else places.push(start + contentStart, start + position, number);
      }
    });
    this.wildcards = wildcards;
    this.#entries = Int32Array.from(places);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(places.length + 2)));
    for (let entry = 0; entry < places.length / 3; entry++) this.#add(entry);
  }

  /** The number of the virtual host with that exact domain, given in lower case; -1 where there is none. */
  find(domain: string): number {
    const wanted = text.encode(domain);
    for (let slot = this.#slot(wanted, 0, wanted.length);; slot = this.#next(slot)) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return -1;
      if (this.#holds(entry, wanted, 0, wanted.length)) return this.#entries[entry * 3 + 2]!;
    }
  }

  #add(entry: number): void {
    const start = this.#entries[entry * 3]!;
    const end = this.#entries[entry * 3 + 1]!;
    let slot = this.#slot(this.#bytes, start, end);
    while (this.#slots[slot] !== 0) {
      if (this.#holds(this.#slots[slot]! - 1, this.#bytes, start, end)) return;
      slot = this.#next(slot);
    }
    this.#slots[slot] = entry + 1;
  }

  #next(slot: number): number {
    return slot + 1 & this.#slots.length - 1;
  }

  /** FNV-1a, of the domain in lower case. */
  #slot(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let position = start; position < end; position++) {
      hash = Math.imul(hash ^ lower(bytes[position]!), 0x01000193);
    }
    return (hash ^ hash >>> 15) & this.#slots.length - 1;
  }

  #holds(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#entries[entry * 3]!;
    if (this.#entries[entry * 3 + 1]! - own !== end - start) return false;
    for (let offset = 0; offset < end - start; offset++) {
      if (lower(this.#bytes[own + offset]!) !== lower(bytes[start + offset]!)) return false;
    }
    return true;
  }
}

/** Domains are ASCII; the bytes of other characters stay as they are. */
function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}
