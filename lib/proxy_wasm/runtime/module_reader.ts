/** Types that are followed by another: references to a type, nullable or not. */
const TYPED_REFERENCES: ReadonlySet<number> = new Set([0x63, 0x64]);

/** Reads the binary form of WebAssembly modules. */
export class ModuleReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes The module, or a section of it. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Where it is. */
  get at(): number {
    return this.#at;
  }

  /** Whether all has been read. */
  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** What has been read since it was there. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  /** One byte. @throws {TypeError} At the end. */
  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new TypeError("Cannot read the module: it breaks off; fetch or build it again");
    return byte;
  }

  /** That many bytes. @throws {TypeError} Where there are fewer. */
  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new TypeError("Cannot read the module: it breaks off; fetch or build it again");
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** A number of at most 32 bits (LEB128). @throws {TypeError} For a longer one. */
  u32(): number {
    let value = 0;
    for (let factor = 1, i = 0; i < 5; factor *= 128, i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80 && value <= 0xffff_ffff) return value;
    }
    throw new TypeError("Cannot read the module: a number has more than 32 bits; build it for 32 bits");
  }

  /** Passes over the type of a value. */
  valueType(): void {
    if (TYPED_REFERENCES.has(this.byte())) { while (this.byte() >= 0x80); }
  }
}
