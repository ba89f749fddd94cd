/**
 * The bytes in a buffer of their own; copied only where they are a piece of a larger one.
 *
 * What reaches an application must be so: `arrayBuffer()` hands out the whole buffer, and a byte stream takes it away
 * from everybody else. A chunk of a socket shares its buffer with the head before it and the next message behind it.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  // Not `slice`, which makes another view of the same memory for a Buffer of Node.
  if (bytes.byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return new Uint8Array(bytes);
  return bytes.constructor === Uint8Array ? bytes as Uint8Array<ArrayBuffer> : new Uint8Array(buffer);
}
