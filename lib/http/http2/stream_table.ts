/** Slots of a new table, and the most it grows to. */
const FEWEST_SLOTS = 16;
const MOST_SLOTS = 1024;

/**
 * The streams of a connection by identifier. Identifiers only grow, by two, so a few dozen slots used in turn hold those
 * under way; one that outlives its neighbours by far moves aside. A `Map` would do, but for the collector: see `Bag`.
 */
export class StreamTable<T extends { readonly id: number }> {
  #slots: (T | null)[] = new Array<T | null>(FEWEST_SLOTS).fill(null);
  /** Streams whose slot was taken in a table that grows no more: long-lived ones, rarely any. */
  readonly #others = new Map<number, T>();
  #size = 0;

  /** How many streams are in it. */
  get size(): number {
    return this.#size;
  }

  /** The stream of that identifier. */
  get(id: number): T | undefined {
    const found = this.#slots[(id >>> 1) & (this.#slots.length - 1)]!;
    if (found !== null && found.id === id) return found;
    return this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  /** Puts a stream in; its identifier must not be there yet. */
  add(stream: T): void {
    this.#size++;
    while (!this.#place(stream)) {
      if (this.#slots.length === MOST_SLOTS) return void this.#others.set(stream.id, stream);
      const before = this.#slots;
      this.#slots = new Array<T | null>(before.length * 2).fill(null);
      for (const other of before) if (other !== null) this.#place(other);
    }
  }

  /** Takes a stream out; does nothing where it is not in. */
  delete(stream: T): void {
    const at = (stream.id >>> 1) & (this.#slots.length - 1);
    if (this.#slots[at] === stream) this.#slots[at] = null;
    else if (!this.#others.delete(stream.id)) return;
    this.#size--;
  }

  /** The streams that are in it now, in no order. */
  values(): T[] {
    const values: T[] = [...this.#others.values()];
    for (const stream of this.#slots) if (stream !== null) values.push(stream);
    return values;
  }

  #place(stream: T): boolean {
    const at = (stream.id >>> 1) & (this.#slots.length - 1);
    if (this.#slots[at] !== null) return false;
    this.#slots[at] = stream;
    return true;
  }
}
