import type { GuestBuffer } from "../guest_buffer.ts";

/** Content that is shown to a module, which may change it. */
export class ContentBuffer implements GuestBuffer {
  /** Memory that is ours; the content begins at its start. `null` while the content is someone else's chunk. */
  #own: Uint8Array | null = null;
  #bytes: Uint8Array = EMPTY;

  get length(): number {
    return this.#bytes.length;
  }

  /** What it holds; valid until it is changed. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Adds a chunk at the end; a first chunk is kept as it is, and not changed. */
  append(chunk: Uint8Array): void {
    const { length } = this.#bytes;
    if (length === 0) {
      this.#own = null;
      this.#bytes = chunk;
      return;
    }
    const size = length + chunk.length;
    if (this.#own === null || this.#own.length < size) {
      // Twice the size, so that a long body is not copied again with every chunk.
      const own = new Uint8Array(size * 2);
      own.set(this.#bytes);
      this.#own = own;
    }
    this.#own.set(chunk, length);
    this.#bytes = this.#own.subarray(0, size);
  }

  /** Takes what it holds away. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#own = null;
    this.#bytes = EMPTY;
    return bytes;
  }

  copyTo(target: Uint8Array, start: number, length: number): void {
    target.set(this.#bytes.subarray(start, start + length));
  }

  splice(start: number, length: number, bytes: Uint8Array): boolean {
    const old = this.#bytes;
    const spliced = new Uint8Array(old.length - length + bytes.length);
    spliced.set(old.subarray(0, start));
    spliced.set(bytes, start);
    spliced.set(old.subarray(start + length), start + bytes.length);
    this.#own = null;
    this.#bytes = spliced;
    return true;
  }
}

const EMPTY = new Uint8Array(0);
