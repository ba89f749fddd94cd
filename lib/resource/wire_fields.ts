/** One field of a protobuf message as it is on the wire. */
export interface WireField {
  readonly number: number;
  /** Varints and fixed numbers (low 32 bits are enough for enums and lengths). */
  readonly value: number;
  /** Strings, bytes and messages; empty for numbers. */
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array();

/**
 * The top-level fields of a message, without decoding what is inside: for the one or two facts that are wanted of
 * each of ten thousand resources.
 *
 * @throws {RangeError} When the bytes are not a message.
 */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[position++];
      if (byte === undefined) break;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      else if (shift === 28) value = (value | (byte & 0x0f) << 28) >>> 0;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("Cannot read protobuf: a number does not end");
  };
  while (position < bytes.length) {
    const tag = varint();
    const number = tag >>> 3;
    let value = 0;
    let length = 0;
    switch (tag & 7) {
      case 0:
        value = varint();
        break;
      case 1:
        length = 8;
        break;
      case 2:
        length = varint();
        break;
      case 5:
        length = 4;
        break;
      default:
        throw new RangeError(`Cannot read protobuf: wire type '${tag & 7}' is not known`);
    }
    if (length > bytes.length - position) throw new RangeError("Cannot read protobuf: a field ends behind the message");
    yield { number, value, bytes: length === 0 ? NOTHING : bytes.subarray(position, position + length) };
    position += length;
  }
}
