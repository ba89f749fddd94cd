import { isFieldValue } from "./hpack_field.ts";
import { type FieldPolicy, fieldPolicy } from "./hpack_policy.ts";
import { HPACK_STATIC_SIZE, HPACK_STATIC_TABLE } from "./hpack_static_table.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { InvalidFieldError } from "./invalid_field_error.ts";

/** The most bytes a field adds to its name and value on the wire: type, two lengths. */
export const HPACK_FIELD_OVERHEAD = 12;
/** The most bytes that stand before the first field: two table size updates. */
export const HPACK_BLOCK_OVERHEAD = 12;

const ENTRY_OVERHEAD = 32;
/** Table size both sides begin with (RFC 9113 section 6.5.2). */
const INITIAL_LIMIT = 4096;
/** Names remembered before the encoder forgets all it knows: names may come from a peer and have to be bounded. */
const MAX_NAMES = 512;
/** Values of one name that are remembered as having come once. */
const MAX_CANDIDATES = 4;
/** A name with that many new values in a row, and no repeated one, is taken for volatile ... */
const VOLATILE_AFTER = 32;
/** ... for that many fields. */
const VOLATILE_FOR = 1024;

/** What the encoder knows about a name. */
interface KnownName {
  readonly name: string;
  readonly policy: FieldPolicy;
  /** Index of the first static entry of that name, 0 for none. */
  readonly staticIndex: number;
  /** Static entries with a value; `null` where there are none. */
  readonly staticValues: ReadonlyMap<string, number> | null;
  /** Value to number of insertion. */
  readonly values: Map<string, number>;
  /** Number of insertion of the latest entry of that name, for its name alone. */
  latest: number;
  lastValue: string | null;
  /** Index of `lastValue` in the static table, 0 when it is in the dynamic one. */
  lastStatic: number;
  lastInsertion: number;
  readonly candidates: string[];
  /** New values since the last repeated one; negative while the name counts as volatile. */
  fresh: number;
}

interface Entry {
  readonly owner: KnownName;
  readonly value: string;
}

/**
 * The sending half of HPACK (RFC 7541).
 *
 * A field enters the dynamic table when its value comes for the second time, so that values which never repeat do not
 * push out those which do. Strings that enter the table are Huffman-coded, once; others are sent plain, because coding
 * costs both sides more than the bytes saved.
 *
 * Usage: `begin`, any number of `field`, `finish`; blocks are sent in the order they were written.
 */
export class HpackEncoder {
  readonly #ownLimit: number;
  #limit: number;
  #tableBytes = 0;
  readonly #names = new Map<string, KnownName>();
  /** Oldest first; the entry at `i` has the number of insertion `#oldest + i`. */
  #entries: Entry[] = [];
  #head = 0;
  #oldest = 0;
  #next = 0;
  /** Smallest limit since the last block, `-1` when nothing has to be announced. */
  #announce = -1;
  #bytes: Uint8Array = EMPTY;
  #at = 0;

  /** @param ownLimit The most bytes the dynamic table may take, whatever the peer allows. @default {4096} */
  constructor(ownLimit = 4096) {
    this.#ownLimit = ownLimit;
    this.#limit = Math.min(ownLimit, INITIAL_LIMIT);
    if (this.#limit < INITIAL_LIMIT) this.#announce = this.#limit;
  }

  /** Bytes the dynamic table holds, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.#tableBytes;
  }

  /** Applies the peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerLimit(bytes: number): void {
    const limit = Math.min(bytes, this.#ownLimit);
    if (limit === this.#limit) return;
    this.#announce = this.#announce < 0 ? limit : Math.min(this.#announce, limit);
    this.#limit = limit;
    this.#evict(limit);
  }

  /** Begins a block at `at` of `bytes`, which must have room for the whole of it (see the two overheads). */
  begin(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
    if (this.#names.size > MAX_NAMES) this.reset();
    if (this.#announce < 0) return;
    if (this.#announce < this.#limit) this.#integer(0x20, 5, this.#announce);
    this.#integer(0x20, 5, this.#limit);
    this.#announce = -1;
  }

  /**
   * Writes one field.
   * @throws {InvalidFieldError} When no message may carry it: the block must not be sent, and `reset` be called.
   */
  field(name: string, value: string): void {
    const known = this.#names.get(name) ?? this.#learn(name);
    if (value === known.lastValue) {
      if (known.lastStatic !== 0) {
        this.#bytes[this.#at++] = 0x80 | known.lastStatic;
        return;
      }
      if (known.lastInsertion >= this.#oldest) {
        this.#integer(0x80, 7, HPACK_STATIC_SIZE + this.#next - known.lastInsertion);
        return;
      }
    }
    switch (known.policy) {
      case "index":
        if (known.fresh < 0) {
          known.fresh++;
          return this.#literal(known, 0x00, 4, value);
        }
        return this.#indexed(known, value);
      case "volatile":
        return this.#literal(known, 0x00, 4, value);
      case "never":
        return this.#literal(known, 0x10, 4, value);
      case "skip":
        return;
      case "invalid":
        throw new InvalidFieldError(name);
    }
  }

  /** Ends the block; returns the offset behind its last byte. */
  finish(): number {
    this.#bytes = EMPTY;
    return this.#at;
  }

  /** Forgets everything and tells the peer to do so in the next block: makes good for a block that was not sent. */
  reset(): void {
    this.#names.clear();
    this.#entries = [];
    this.#head = 0;
    this.#oldest = this.#next;
    this.#tableBytes = 0;
    this.#announce = 0;
  }

  #indexed(known: KnownName, value: string): void {
    const fixed = known.staticValues?.get(value);
    if (fixed !== undefined) {
      known.lastValue = value;
      known.lastStatic = fixed;
      this.#bytes[this.#at++] = 0x80 | fixed;
      return;
    }
    const insertion = known.values.get(value);
    if (insertion !== undefined) {
      known.fresh = 0;
      this.#remember(known, value, insertion);
      this.#integer(0x80, 7, HPACK_STATIC_SIZE + this.#next - insertion);
      return;
    }
    const candidates = known.candidates;
    const size = known.name.length + value.length + ENTRY_OVERHEAD;
    if (candidates.includes(value) && size * 4 <= this.#limit) {
      this.#literal(known, 0x40, 6, value);
      this.#insert(known, value, size);
      return;
    }
    if (++known.fresh >= VOLATILE_AFTER) known.fresh = -VOLATILE_FOR;
    if (candidates.length >= MAX_CANDIDATES) candidates.shift();
    candidates.push(value);
    this.#literal(known, 0x00, 4, value);
  }

  #insert(known: KnownName, value: string, size: number): void {
    this.#evict(this.#limit - size);
    const insertion = this.#next++;
    this.#entries.push({ owner: known, value });
    this.#tableBytes += size;
    known.values.set(value, insertion);
    known.latest = insertion;
    known.fresh = 0;
    this.#remember(known, value, insertion);
  }

  #remember(known: KnownName, value: string, insertion: number): void {
    known.lastValue = value;
    known.lastStatic = 0;
    known.lastInsertion = insertion;
  }

  #evict(limit: number): void {
    while (this.#tableBytes > limit) {
      const { owner, value } = this.#entries[this.#head++]!;
      this.#tableBytes -= owner.name.length + value.length + ENTRY_OVERHEAD;
      this.#oldest++;
      owner.values.delete(value);
      // It was worth an entry: its next use makes it one again.
      if (owner.candidates.length >= MAX_CANDIDATES) owner.candidates.shift();
      owner.candidates.push(value);
    }
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #literal(known: KnownName, pattern: number, prefix: number, value: string): void {
    if (known.staticIndex !== 0) {
      this.#integer(pattern, prefix, known.staticIndex);
    } else if (known.latest >= this.#oldest) {
      this.#integer(pattern, prefix, HPACK_STATIC_SIZE + this.#next - known.latest);
    } else {
      this.#bytes[this.#at++] = pattern;
      this.#string(known.name);
    }
    if (pattern !== 0x40) {
      if (!this.#plain(value)) throw new InvalidFieldError(known.name);
      return;
    }
    if (!isFieldValue(value)) throw new InvalidFieldError(known.name);
    this.#string(value);
  }

  #string(text: string): void {
    const coded = huffmanLength(text);
    if (coded >= text.length) {
      this.#plain(text);
      return;
    }
    this.#integer(0x80, 7, coded);
    this.#at = huffmanEncode(text, this.#bytes, this.#at);
  }

  /** Writes a string as it is; tells whether a header value may consist of that. */
  #plain(text: string): boolean {
    const length = text.length;
    this.#integer(0, 7, length);
    const bytes = this.#bytes;
    let at = this.#at;
    let fine = 1;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      // Beyond 255 there is no entry: `undefined` makes it 0. Without this a unit such as U+010A would become a line end.
      fine &= VALUE_BYTES[unit]!;
      bytes[at++] = unit;
    }
    this.#at = at;
    return fine === 1 && (length === 0 || (!isBlank(text.charCodeAt(0)) && !isBlank(text.charCodeAt(length - 1))));
  }

  #integer(pattern: number, prefix: number, value: number): void {
    const most = (1 << prefix) - 1;
    if (value < most) {
      this.#bytes[this.#at++] = pattern | value;
      return;
    }
    this.#bytes[this.#at++] = pattern | most;
    for (value -= most; value >= 0x80; value >>>= 7) this.#bytes[this.#at++] = 0x80 | value & 0x7f;
    this.#bytes[this.#at++] = value;
  }

  #learn(name: string): KnownName {
    const staticIndex = STATIC_NAMES.get(name) ?? 0;
    const known: KnownName = {
      name,
      policy: fieldPolicy(name),
      staticIndex,
      staticValues: STATIC_VALUES.get(name) ?? null,
      values: new Map(),
      latest: -1,
      lastValue: null,
      lastStatic: 0,
      lastInsertion: -1,
      candidates: [],
      fresh: 0,
    };
    this.#names.set(name, known);
    return known;
  }
}

const EMPTY = new Uint8Array(0);
const STATIC_NAMES = new Map<string, number>();
const STATIC_VALUES = new Map<string, Map<string, number>>();
for (let index = HPACK_STATIC_SIZE; index >= 1; index--) {
  const name = HPACK_STATIC_TABLE[2 * (index - 1)]!;
  const value = HPACK_STATIC_TABLE[2 * index - 1]!;
  STATIC_NAMES.set(name, index);
  if (value === "") continue;
  STATIC_VALUES.set(name, (STATIC_VALUES.get(name) ?? new Map<string, number>()).set(value, index));
}

/** 1 for every byte a header value may hold. */
const VALUE_BYTES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) VALUE_BYTES[byte] = byte === 9 || (byte >= 32 && byte !== 127) ? 1 : 0;

function isBlank(unit: number): boolean {
  return unit === 32 || unit === 9;
}
