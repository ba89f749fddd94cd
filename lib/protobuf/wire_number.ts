/** The position behind a varint; -1 where it does not end in time. */
export function skipVarint(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + 10);
  for (let position = start; position < last; position++) if (bytes[position]! < 0x80) return position + 1;
  return -1;
}

/** The value of a varint that ends before `end`; exact up to 53 bits, which is more than any tag or length. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let position = end - 1; position >= start; position--) value = value * 128 + (bytes[position]! & 0x7f);
  return value;
}
