/**
 * The header of a frame (RFC 6455 section 5.2), with the length in as few bytes as the RFC demands.
 *
 * @param opcode What the frame is; always the whole of a message (FIN).
 * @param length Bytes of its payload.
 * @param key Four bytes of masking key, as a client sends them; `null` for a server.
 */
export function frameHeader(opcode: number, length: number, key: Uint8Array | null): Uint8Array {
  const extended = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  const header = new Uint8Array(2 + extended + (key === null ? 0 : 4));
  header[0] = 0x80 | opcode;
  const masked = key === null ? 0 : 0x80;
  if (extended === 0) {
    header[1] = masked | length;
  } else if (extended === 2) {
    header[1] = masked | 126;
    header[2] = length >>> 8;
    header[3] = length;
  } else {
    header[1] = masked | 127;
    const view = new DataView(header.buffer);
    view.setUint32(2, Math.floor(length / 0x100000000));
    view.setUint32(6, length >>> 0);
  }
  if (key !== null) header.set(key, 2 + extended);
  return header;
}
