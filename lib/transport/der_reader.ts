/** One value of a DER encoding. */
export interface DerValue {
  /** Identifier octet: class, constructed bit and number. */
  readonly tag: number;
  /** The content. */
  readonly content: Uint8Array;
  /** The whole value, with identifier and length. */
  readonly whole: Uint8Array;
}

/** Tags used in certificates (X.690, 8.1.2). */
export const DerTag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/**
 * Reads values one after another from untrusted DER (X.690, clause 10): definite and minimal lengths only, nothing past
 * the end. Every violation is a `SyntaxError`.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes Values, one after another. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Whether the next value has that tag; does not read it. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /**
   * Reads the next value.
   *
   * @param tag The tag it must have; any when absent.
   * @throws {SyntaxError} When there is none, it is not DER, or it has another tag.
   */
  next(tag?: number): DerValue {
    const start = this.#at;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) throw new SyntaxError("Cannot read DER: tag numbers above 30 are not used here");
    if (tag !== undefined && found !== tag) {
      throw new SyntaxError(`Cannot read DER: expected tag '${tag}', current tag is '${found}'`);
    }
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new SyntaxError("Cannot read DER: value runs past the end");
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag: found, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  /** Reads a value that holds others. */
  nested(tag: number): DerReader {
    return new DerReader(this.next(tag).content);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new SyntaxError("Cannot read DER: value runs past the end");
    this.#at++;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new SyntaxError("Cannot read DER: indefinite or huge length");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) {
      throw new SyntaxError("Cannot read DER: length is not minimal");
    }
    return length;
  }
}

/** An object identifier in dotted form. @throws {SyntaxError} When it is malformed. */
export function readOid(content: Uint8Array): string {
  const parts: number[] = [];
  let value = 0;
  let started = false;
  for (const byte of content) {
    if (!started && byte === 0x80) throw new SyntaxError("Cannot read DER: object identifier is not minimal");
    if (value > 2 ** 40) throw new SyntaxError("Cannot read DER: object identifier is too large");
    started = (byte & 0x80) !== 0;
    value = value * 128 + (byte & 0x7f);
    if (started) continue;
    if (parts.length === 0) {
      const first = Math.min(Math.floor(value / 40), 2);
      parts.push(first, value - first * 40);
    } else parts.push(value);
    value = 0;
  }
  if (started || parts.length === 0) throw new SyntaxError("Cannot read DER: object identifier is cut off");
  return parts.join(".");
}
