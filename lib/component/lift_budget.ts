/** What an object costs beside its bytes, roughly. */
const OBJECT_BYTES = 64;

/**
 * How much a component may hand over in one call. It takes a few bytes of its memory to name the same megabytes a million
 * times, each of which would be copied: what the copies hold together is limited as its memory is.
 */
export class LiftBudget {
  readonly #limit: number;
  #left: number;

  /** @param limit Bytes a call. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** Begins a call. */
  reset(): void {
    this.#left = this.#limit;
  }

  /** Takes bytes out of a memory. @throws {RangeError} When that is too much. */
  take(memory: ArrayBuffer, from: number, to: number): ArrayBuffer {
    this.#charge(to - from);
    return memory.slice(from, to);
  }

  /** `TextDecoder` for what makes strings out of a memory. */
  decoder(): typeof TextDecoder {
    const charge = (bytes: number) => this.#charge(bytes);
    return class extends TextDecoder {
      override decode(input?: AllowSharedBufferSource, options?: TextDecodeOptions): string {
        charge(input?.byteLength ?? 0);
        return super.decode(input, options);
      }
    };
  }

  #charge(bytes: number): void {
    this.#left -= bytes + OBJECT_BYTES;
    if (this.#left < 0) throw new RangeError(`It answers with more than '${this.#limit}' bytes`);
  }
}
