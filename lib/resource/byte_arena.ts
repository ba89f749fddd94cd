/** Chunks are this long. */
const CHUNK = 262_144;

/**
 * Memory for many byte strings that arrive together: they are copied into few large chunks. Ten thousand small
 * allocations would cost twice their length and leave the heap in pieces that are never given back.
 *
 * A chunk lives as long as anything in it.
 */
export class ByteArena {
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;
  #expected: number;

  /** @param expected How many bytes will be kept at most; chunks are not larger than what is still to come. */
  constructor(expected: number) {
    this.#expected = expected;
  }

  /** A copy that shares its buffer with others: it must not be written to. */
  keep(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > this.#chunk.length - this.#used) {
      this.#chunk = new Uint8Array(Math.max(length, Math.min(CHUNK, this.#expected)));
      this.#used = 0;
    }
    const copy = this.#chunk.subarray(this.#used, this.#used + length);
    copy.set(bytes);
    this.#used += length;
    this.#expected -= length;
    return copy;
  }
}
