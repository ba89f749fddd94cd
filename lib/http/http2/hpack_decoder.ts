import { Buffer } from "node:buffer";
import { HpackError } from "./hpack_error.ts";
import { fieldKind, type FieldKindValue } from "./hpack_field.ts";
import { HPACK_STATIC_SIZE, HPACK_STATIC_TABLE } from "./hpack_static_table.ts";
import { huffmanDecode } from "./huffman.ts";

/** Receives the fields of a header block. */
export interface FieldSink {
  /**
   * Takes one field.
   * @returns Whether it wants more. After `false` the rest of the block is decoded for the sake of the table only.
   */
  field(name: string, value: string, kind: FieldKindValue): boolean;
}

/** Bytes an entry counts beyond its name and value (RFC 7541 section 4.1). */
const ENTRY_OVERHEAD = 32;

const latin1Slice =
  (Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string }).latin1Slice;

/**
 * The receiving half of HPACK (RFC 7541). Values come out as byte strings.
 *
 * Invariant: the table is the same as the sender's after every complete block; any {@linkcode HpackError} breaks it for
 * good.
 */
export class HpackDecoder {
  /** The most the peer may choose: what our SETTINGS_HEADER_TABLE_SIZE says. */
  readonly #maxTableBytes: number;
  #tableLimit: number;
  #tableBytes = 0;
  /** Rings of equal length; `#newest` is the place of index 62. */
  readonly #names: string[];
  readonly #values: string[];
  readonly #kinds: FieldKindValue[];
  readonly #mask: number;
  #newest = -1;
  #count = 0;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #end = 0;
  /** Decoded Huffman text; grows with the longest string seen, which the header block limit bounds. */
  #scratch = new Uint8Array(512);

  /** @param maxTableBytes Upper bound of the dynamic table, as announced. @default {4096} */
  constructor(maxTableBytes = 4096) {
    this.#maxTableBytes = maxTableBytes;
    this.#tableLimit = maxTableBytes;
    let slots = 16;
    while (slots * ENTRY_OVERHEAD < maxTableBytes) slots *= 2;
    this.#mask = slots - 1;
    this.#names = new Array(slots).fill("");
    this.#values = new Array(slots).fill("");
    this.#kinds = new Array(slots).fill(0);
  }

  /** Bytes the dynamic table holds, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.#tableBytes;
  }

  /**
   * Decodes one complete header block.
   *
   * @param bytes Where the block is.
   * @param start Its first byte.
   * @param end Behind its last byte.
   * @param sink Receives the fields in order.
   * @throws {HpackError} When the block is wrong.
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let wanted = true;
    let first = true;
    while (this.#at < end) {
      const byte = bytes[this.#at]!;
      if (byte >= 0x80) {
        wanted = this.#indexed(this.#integer(7), sink, wanted);
      } else if (byte >= 0x40) {
        wanted = this.#literal(this.#integer(6), true, sink, wanted);
      } else if (byte >= 0x20) {
        // Section 4.2: a size update belongs to the beginning of a block.
        if (!first) throw new HpackError("A table size update stands behind a field");
        this.#resize(this.#integer(5));
        continue;
      } else {
        wanted = this.#literal(this.#integer(4), false, sink, wanted);
      }
      first = false;
    }
    this.#bytes = EMPTY;
  }

  #indexed(index: number, sink: FieldSink, wanted: boolean): boolean {
    if (index === 0) throw new HpackError("A field has the index 0");
    if (index <= HPACK_STATIC_SIZE) {
      const place = 2 * (index - 1);
      return wanted && sink.field(HPACK_STATIC_TABLE[place]!, HPACK_STATIC_TABLE[place + 1]!, STATIC_KINDS[index - 1]!);
    }
    const place = this.#place(index);
    return wanted && sink.field(this.#names[place]!, this.#values[place]!, this.#kinds[place]!);
  }

  #literal(nameIndex: number, store: boolean, sink: FieldSink, wanted: boolean): boolean {
    const name = nameIndex === 0
      ? this.#string()
      : nameIndex <= HPACK_STATIC_SIZE
      ? HPACK_STATIC_TABLE[2 * (nameIndex - 1)]!
      : this.#names[this.#place(nameIndex)]!;
    const value = this.#string();
    if (!store && !wanted) return false;
    const kind = fieldKind(name, value);
    if (store) this.#insert(name, value, kind);
    return wanted && sink.field(name, value, kind);
  }

  #place(index: number): number {
    const age = index - HPACK_STATIC_SIZE - 1;
    if (age >= this.#count) throw new HpackError(`A field has the index ${index}, which is not in the table`);
    return (this.#newest - age) & this.#mask;
  }

  #insert(name: string, value: string, kind: FieldKindValue): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.#tableLimit - size);
    // Section 4.4: an entry larger than the table empties it and is not an error.
    if (size > this.#tableLimit) return;
    const place = this.#newest = (this.#newest + 1) & this.#mask;
    this.#names[place] = name;
    this.#values[place] = value;
    this.#kinds[place] = kind;
    this.#count++;
    this.#tableBytes += size;
  }

  #resize(limit: number): void {
    if (limit > this.#maxTableBytes) throw new HpackError(`The table size ${limit} is above ${this.#maxTableBytes}`);
    this.#tableLimit = limit;
    this.#evict(limit);
  }

  #evict(limit: number): void {
    while (this.#count > 0 && this.#tableBytes > limit) {
      const place = (this.#newest - --this.#count) & this.#mask;
      this.#tableBytes -= this.#names[place]!.length + this.#values[place]!.length + ENTRY_OVERHEAD;
      this.#names[place] = this.#values[place] = "";
    }
  }

  /** Section 5.1. Five bytes of continuation are more than any length or index here can need. */
  #integer(prefix: number): number {
    const most = (1 << prefix) - 1;
    const first = this.#bytes[this.#at++]! & most;
    if (first < most) return first;
    let value = most;
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.#at >= this.#end) throw new HpackError("An integer is cut off");
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError("An integer is too large");
  }

  #string(): string {
    if (this.#at >= this.#end) throw new HpackError("A string is missing");
    const huffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw new HpackError("A string is cut off");
    this.#at = end;
    if (length === 0) return "";
    if (!huffman) return latin1Slice.call(this.#bytes, start, end);
    if (this.#scratch.length < length * 2) this.#scratch = new Uint8Array(length * 2);
    const decoded = huffmanDecode(this.#bytes, start, end, this.#scratch);
    if (decoded < 0) throw new HpackError("A string has a wrong Huffman code");
    return latin1Slice.call(this.#scratch, 0, decoded);
  }
}

const EMPTY = new Uint8Array(0);

const STATIC_KINDS: readonly FieldKindValue[] = Array.from(
  { length: HPACK_STATIC_SIZE },
  (_, i) => fieldKind(HPACK_STATIC_TABLE[2 * i]!, HPACK_STATIC_TABLE[2 * i + 1]!),
);
