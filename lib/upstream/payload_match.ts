/**
 * Whether all pieces occur in the bytes, in their order, with anything around them (Envoy's health checks). No pieces
 * are always found.
 */
export function containsInOrder(bytes: Uint8Array, pieces: readonly Uint8Array[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = indexOf(bytes, piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}

function indexOf(bytes: Uint8Array, piece: Uint8Array, from: number): number {
  for (let at = from; at + piece.length <= bytes.length; at++) {
    let same = 0;
    while (same < piece.length && bytes[at + same] === piece[same]) same++;
    if (same === piece.length) return at;
  }
  return -1;
}
