import { readNumber, skipVarint } from "./wire_number.ts";

const text = new TextDecoder();

/**
 * Goes through the fields of a message on the wire, one after the other, and makes nothing of them that was not asked
 * for: for the one or two facts that are wanted of each of ten thousand resources.
 *
 * @example
 * ```ts ignore
 * const reader = new WireReader(bytes);
 * while (reader.next()) if (reader.field === 1) name = reader.string();
 * ```
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #position: number;
  readonly #end: number;
  #contentStart = 0;
  /** Number of the current field. */
  field = 0;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  wireType = 0;
  /** The value of a varint, exact up to 53 bits; 0 for other wire types. */
  value = 0;

  /**
   * @param bytes What holds the message.
   * @param start Where it begins.
   * @param end Where it ends.
   * @default {0} for `start`, the end of the bytes for `end`
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Reads the message in the current field, without a view of it. */
  inner(): WireReader {
    return new WireReader(this.#bytes, this.#contentStart, this.#position);
  }

  /**
   * Goes to the next field; false at the end.
   *
   * @throws {RangeError} When the bytes are not a message.
   */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    this.value = 0;
    let length = 0;
    switch (this.wireType) {
      case 0:
        this.value = this.#varint();
        break;
      case 1:
        length = 8;
        break;
      case 2:
        length = this.#varint();
        break;
      case 5:
        length = 4;
        break;
      default:
        throw new RangeError(`Cannot read protobuf: wire type '${this.wireType}' is not known`);
    }
    if (length > this.#end - this.#position) {
      throw new RangeError(`Cannot read protobuf: field '${this.field}' ends behind the message`);
    }
    this.#contentStart = this.#position;
    this.#position += length;
    return true;
  }

  /** Where the content of the current field ends and the next field begins, in bytes from the start. */
  get position(): number {
    return this.#position;
  }

  /** Where the content of the current field begins, in bytes from the start. */
  get contentStart(): number {
    return this.#contentStart;
  }

  /** The content of the current field: strings, bytes, messages and fixed numbers; empty for varints. A view. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#position);
  }

  /** The content of the current field as text. */
  string(): string {
    return this.#contentStart === this.#position ? "" : text.decode(this.bytes());
  }

  /** The same; where it is what is expected, usually, no new string is made. */
  stringLike(expected: string): string {
    const length = this.#position - this.#contentStart;
    let same = length === expected.length;
    for (let index = 0; same && index < length; index++) {
      const code = expected.charCodeAt(index);
      same = code < 0x80 && this.#bytes[this.#contentStart + index] === code;
    }
    return same ? expected : this.string();
  }

  #varint(): number {
    const start = this.#position;
    const end = skipVarint(this.#bytes, start, this.#end);
    if (end < 0) throw new RangeError("Cannot read protobuf: a number does not end");
    this.#position = end;
    return readNumber(this.#bytes, start, end);
  }
}
