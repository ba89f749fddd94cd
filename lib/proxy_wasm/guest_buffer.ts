/** Bytes a module can read, and may be able to change. */
export interface GuestBuffer {
  readonly length: number;
  /** Copies `length` bytes from `start` to `target`. The range is within the buffer. */
  copyTo(target: Uint8Array, start: number, length: number): void;
  /** Replaces `length` bytes from `start` (both within the buffer) by `bytes`, which is copied; `false` where it may not be changed. */
  splice(start: number, length: number, bytes: Uint8Array): boolean;
}

/** Bytes that cannot be changed: configurations and responses to calls. */
export class FixedBuffer implements GuestBuffer {
  readonly #bytes: Uint8Array;

  /** @param bytes What it holds; not copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  copyTo(target: Uint8Array, start: number, length: number): void {
    target.set(this.#bytes.subarray(start, start + length));
  }

  splice(): boolean {
    return false;
  }
}
