/** An entry of an {@linkcode EdfSchedule}. */
interface Entry<T> {
  readonly item: T;
  deadline: number;
  /** Order of insertion: decides between equal deadlines, first in, first out. */
  order: number;
}

/**
 * Earliest deadline first, the schedule behind Envoy's weighted policies: each item is due again `1 / weight` after it
 * was picked, so that over time it is picked in proportion to its weight, as evenly spread as can be. The weight may
 * be another one at each pick. A binary heap: O(log n) a pick.
 */
export class EdfSchedule<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #weight: (item: T) => number;
  #now = 0;
  #order = 0;

  /**
   * @param items The items.
   * @param weight The weight of an item at this moment, above 0.
   */
  constructor(items: readonly T[], weight: (item: T) => number) {
    this.#weight = weight;
    for (const item of items) this.#heap.push({ item, deadline: 1 / weight(item), order: this.#order++ });
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** The item that is due, scheduled again by its weight of now; `null` where there are none. */
  pick(): T | null {
    const top = this.#heap[0];
    if (top === undefined) return null;
    this.#now = top.deadline;
    top.deadline = this.#now + 1 / this.#weight(top.item);
    top.order = this.#order++;
    this.#sink(0);
    return top.item;
  }

  #sink(index: number): void {
    const heap = this.#heap;
    const entry = heap[index]!;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, entry)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = entry;
  }
}

function before(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
