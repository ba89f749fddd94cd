/**
 * The priorities a retry avoids: those of the hosts tried before, looked at anew after every so many attempts.
 *
 * @see Envoy's extension `previous_priorities`.
 */
export class PriorityExclusion {
  readonly #updateFrequency: number;
  readonly #tried: number[] = [];
  #excluded: readonly number[] | null = null;

  /** @param updateFrequency After how many attempts priorities are ruled out (`update_frequency`). */
  constructor(updateFrequency: number) {
    this.#updateFrequency = updateFrequency;
  }

  /** Priorities to be avoided; `null` for none. */
  get excluded(): readonly number[] | null {
    return this.#excluded;
  }

  /** Notes that a host of a priority was tried. */
  add(priority: number): void {
    this.#tried.push(priority);
    if (this.#tried.length % this.#updateFrequency === 0) this.#excluded = [...new Set(this.#tried)];
  }
}
