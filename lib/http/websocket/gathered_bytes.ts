/** Least memory that is taken. */
const FIRST_BYTES = 1024;

/**
 * Bytes of a message that arrive in pieces. Memory follows what has arrived, never what a header promises: at most twice
 * as much, however small the pieces are.
 */
export class GatheredBytes {
  #memory: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes, which are copied. */
  add(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#memory.length) {
      const grown = new Uint8Array(Math.max(needed, this.#memory.length * 2, FIRST_BYTES));
      grown.set(this.#memory.subarray(0, this.#length));
      this.#memory = grown;
    }
    this.#memory.set(bytes, this.#length);
    this.#length = needed;
  }

  /** Gives all bytes away and begins anew. */
  take(): Uint8Array {
    const bytes = this.#memory.subarray(0, this.#length);
    this.#memory = new Uint8Array(0);
    this.#length = 0;
    return bytes;
  }
}
