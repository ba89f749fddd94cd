/** Bytes of a page of WebAssembly's memory. */
const PAGE_BYTES = 65_536;
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;
const IS_64_BIT = 4;

/**
 * A core module whose memories cannot grow beyond a limit: an exported memory cannot be capped from outside, so the
 * module says it itself.
 *
 * @param module The bytes of a valid core module.
 * @param limitBytes Rounded down to pages of 64 KiB.
 * @returns The module, changed where it declares a memory.
 * @throws {RangeError} When it wants more from the start.
 */
export function limitMemory(module: Uint8Array<ArrayBuffer>, limitBytes: number): Uint8Array<ArrayBuffer> {
  const limit = Math.floor(limitBytes / PAGE_BYTES);
  const reader = new Reader(module, 8);
  while (reader.at < module.length) {
    const start = reader.at;
    const id = reader.byte();
    const size = reader.number();
    const end = reader.at + size;
    if (id === MEMORY_SECTION) {
      const memories = limited(reader, limit);
      return joined([
        module.subarray(0, start),
        [MEMORY_SECTION, ...encoded(memories.length), ...memories],
        module.subarray(end),
      ]);
    }
    reader.at = end;
  }
  return module;
}

function limited(reader: Reader, limit: number): number[] {
  const count = reader.number();
  const out = encoded(count);
  for (let i = 0; i < count; i++) {
    const flags = reader.byte();
    const minimum = reader.number();
    const maximum = (flags & HAS_MAXIMUM) === 0 ? Infinity : reader.number();
    if ((flags & ~(HAS_MAXIMUM | IS_64_BIT)) !== 0) throw new RangeError("It has a shared memory, or one of odd pages");
    if (minimum > limit) {
      throw new RangeError(
        `It wants '${minimum * PAGE_BYTES}' bytes of memory from the start, and '${limit * PAGE_BYTES}' is the limit`,
      );
    }
    out.push(flags | HAS_MAXIMUM, ...encoded(minimum), ...encoded(Math.min(maximum, limit)));
  }
  return out;
}

/** Reads bytes and LEB128 numbers. */
class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  /** Exact up to 2^53, which is more than any memory. */
  number(): number {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}

function encoded(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80);
  bytes.push(value);
  return bytes;
}

function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
