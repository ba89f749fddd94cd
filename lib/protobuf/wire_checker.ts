import { readNumber, skipVarint } from "./wire_number.ts";

/** Nesting that protobuf libraries allow; only a `Struct` in a `Struct` comes near. */
const MAX_DEPTH = 100;

/**
 * Checks that bytes are a message of one type without making anything of them: for the ten thousand resources that
 * arrive at once and of which a handful will be used. Decoding them for that purpose costs several times the time and
 * leaves megabytes of garbage behind.
 *
 * It accepts what decoders accept: unknown fields, fields of another wire type (taken for unknown ones), packed and
 * repeated numbers, any order. Strings are not looked at; groups, which no message here has, are refused.
 */
export class WireChecker {
  readonly #message: string;
  readonly #nested: () => ReadonlyMap<number, WireChecker>;
  #known: ReadonlyMap<number, WireChecker> | null = null;

  /**
   * @param message Its name, for errors.
   * @param nested The checkers of fields that hold messages, by field number; asked for once, at the first use, for
   *     messages may contain themselves.
   */
  constructor(message: string, nested: () => ReadonlyMap<number, WireChecker>) {
    this.#message = message;
    this.#nested = nested;
  }

  /** @throws {RangeError} When the bytes are no such message: which part of it, why, and where. */
  check(bytes: Uint8Array): void {
    this.#walk(bytes, 0, bytes.length, 0);
  }

  #walk(bytes: Uint8Array, start: number, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#error("messages are nested too deeply", start);
    const known = this.#known ??= this.#nested();
    let position = start;
    while (position < end) {
      const tagAt = position;
      position = skipVarint(bytes, position, end);
      if (position < 0) throw this.#error("a field number does not end", tagAt);
      const tag = readNumber(bytes, tagAt, position);
      const field = Math.floor(tag / 8);
      if (field === 0 || tag > 0xffffffff) throw this.#error(`field number '${field}' is not allowed`, tagAt);
      switch (tag % 8) {
        case 0:
          position = skipVarint(bytes, position, end);
          if (position < 0) throw this.#error(`the number in field '${field}' does not end`, tagAt);
          break;
        case 1:
          position += 8;
          break;
        case 2: {
          const lengthAt = position;
          position = skipVarint(bytes, position, end);
          if (position < 0) throw this.#error(`the length of field '${field}' does not end`, tagAt);
          const length = readNumber(bytes, lengthAt, position);
          const content = position;
          position += length;
          const message = length > 0 && position <= end ? known.get(field) : undefined;
          if (message !== undefined) message.#walk(bytes, content, position, depth + 1);
          break;
        }
        case 5:
          position += 4;
          break;
        default:
          throw this.#error(`wire type '${tag % 8}' of field '${field}' is not known`, tagAt);
      }
      if (position > end) throw this.#error(`field '${field}' ends behind the message`, tagAt);
    }
  }

  #error(reason: string, position: number): RangeError {
    return new RangeError(`Cannot read '${this.#message}': ${reason} (at byte '${position}')`);
  }
}
