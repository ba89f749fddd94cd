const RADIX = 0x10000;

/**
 * The order of hashes, as indices: a radix sort of 16 bits a pass, for rings have up to eight million entries and a
 * comparison costs more than four passes. Equal hashes keep their order.
 *
 * @param hi Upper halves.
 * @param lo Lower halves.
 */
export function sortedByHash(hi: Uint32Array, lo: Uint32Array): Uint32Array {
  let from = new Uint32Array(hi.length);
  for (let i = 0; i < from.length; i++) from[i] = i;
  let to = new Uint32Array(hi.length);
  const starts = new Uint32Array(RADIX + 1);
  for (const [words, shift] of [[lo, 0], [lo, 16], [hi, 0], [hi, 16]] as const) {
    starts.fill(0);
    for (let i = 0; i < words.length; i++) starts[((words[i]! >>> shift) & 0xffff) + 1]!++;
    for (let digit = 1; digit <= RADIX; digit++) starts[digit]! += starts[digit - 1]!;
    for (let i = 0; i < from.length; i++) {
      const index = from[i]!;
      const digit = (words[index]! >>> shift) & 0xffff;
      to[starts[digit]!++] = index;
    }
    [from, to] = [to, from];
  }
  return from;
}
