/**
 * Masks or unmasks bytes in place (RFC 6455 section 5.3); doing it twice undoes it.
 *
 * @param bytes The bytes.
 * @param key Four bytes.
 * @param phase How many bytes of the payload stand before these.
 */
export function mask(bytes: Uint8Array, key: Uint8Array, phase = 0): void {
  const k0 = key[phase & 3]!;
  const k1 = key[(phase + 1) & 3]!;
  const k2 = key[(phase + 2) & 3]!;
  const k3 = key[(phase + 3) & 3]!;
  const { length } = bytes;
  const whole = length - (length & 3);
  let i = 0;
  for (; i < whole; i += 4) {
    bytes[i]! ^= k0;
    bytes[i + 1]! ^= k1;
    bytes[i + 2]! ^= k2;
    bytes[i + 3]! ^= k3;
  }
  if (i < length) bytes[i++]! ^= k0;
  if (i < length) bytes[i++]! ^= k1;
  if (i < length) bytes[i]! ^= k2;
}
