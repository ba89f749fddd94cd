/** Something with a number. */
interface Numbered {
  readonly id: number;
}

const MAX_ID = 0x7fff_ffff;
const FIRST_CAPACITY = 64;

/**
 * The contexts of a VM by their numbers. Numbers are counted up, so that one a module has kept of a context that is gone
 * leads nowhere; each context stands in the slot its number leads to, and a number whose slot is taken is passed over.
 * A `Map` does not suit what comes and goes by the thousand (see `Bag`).
 */
export class ContextTable<T extends Numbered> {
  #slots: (T | undefined)[] = new Array(FIRST_CAPACITY).fill(undefined);
  #mask: number = FIRST_CAPACITY - 1;
  #size = 0;
  #next = 1;

  /** Contexts that live. */
  get size(): number {
    return this.#size;
  }

  /** A number for a new context, which is to be added under it before another is asked for. */
  nextId(): number {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    let id = this.#next;
    while (this.#slots[id & this.#mask] !== undefined) id = id === MAX_ID ? 1 : id + 1;
    this.#next = id === MAX_ID ? 1 : id + 1;
    return id;
  }

  /** Adds a context that has its number from {@linkcode ContextTable.nextId}. */
  add(context: T): void {
    this.#slots[context.id & this.#mask] = context;
    this.#size++;
  }

  /** Removes a context; does nothing where it is not there. */
  remove(context: T): void {
    const slot = context.id & this.#mask;
    if (this.#slots[slot] !== context) return;
    this.#slots[slot] = undefined;
    this.#size--;
  }

  /** The context of that number. */
  find(id: number): T | undefined {
    const context = this.#slots[id & this.#mask];
    return context !== undefined && context.id === id ? context : undefined;
  }

  /** Every context there is now, in no particular order. */
  all(): T[] {
    return this.#slots.filter((context) => context !== undefined);
  }

  /** Removes all. */
  clear(): void {
    this.#slots.fill(undefined);
    this.#size = 0;
  }

  /** Twice the slots: numbers that led to different ones before do so again. */
  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array(old.length * 2).fill(undefined);
    this.#mask = this.#slots.length - 1;
    for (const context of old) if (context !== undefined) this.#slots[context.id & this.#mask] = context;
  }
}
