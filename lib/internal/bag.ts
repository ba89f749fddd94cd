/** Something in a {@linkcode Bag}. */
export interface BagEntry<T> {
  readonly value: T;
  /** Where the bag keeps it; -1 once it was removed. */
  index: number;
}

/**
 * Things that come and go by the thousand, in no order. A `Set` that lives long does not suit them: the runtime replaces
 * its table every few dozen changes, each replaced table refers to its successor and to what it held, and once one of
 * them has grown old the young generation's collector keeps them all, with everything they ever held, until a full
 * collection.
 */
export class Bag<T> {
  readonly #entries: BagEntry<T>[] = [];

  /** How many things are in it. */
  get size(): number {
    return this.#entries.length;
  }

  /** Puts something in; the result takes it out again. */
  add(value: T): BagEntry<T> {
    const entry = { value, index: this.#entries.length };
    this.#entries.push(entry);
    return entry;
  }

  /** Takes something out; does nothing the second time. */
  remove(entry: BagEntry<T>): void {
    const { index } = entry;
    if (index === -1) return;
    entry.index = -1;
    const last = this.#entries.pop()!;
    if (last === entry) return;
    this.#entries[index] = last;
    last.index = index;
  }

  /** What is in it now. */
  values(): T[] {
    return this.#entries.map(({ value }) => value);
  }
}
