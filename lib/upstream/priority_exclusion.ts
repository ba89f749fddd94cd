import type { ExcludedPriorities } from "../load_balancer/load_balancer.ts";

/**
 * The priorities a retry avoids: those of the hosts tried before, looked at anew after every so many attempts. Once all
 * that have hosts were tried it begins anew.
 *
 * @see Envoy's extension `previous_priorities`.
 */
export class PriorityExclusion implements ExcludedPriorities {
  readonly #updateFrequency: number;
  #tried: number[] = [];
  #excluded: readonly number[] = [];

  /** @param updateFrequency After how many attempts priorities are ruled out (`update_frequency`). */
  constructor(updateFrequency: number) {
    this.#updateFrequency = updateFrequency;
  }

  /** Priorities to be avoided. */
  get priorities(): readonly number[] {
    return this.#excluded;
  }

  /** Itself, where any priority is to be avoided; `null` otherwise. */
  get excluded(): ExcludedPriorities | null {
    return this.#excluded.length === 0 ? null : this;
  }

  /** Notes that a host of a priority was tried. */
  add(priority: number): void {
    this.#tried.push(priority);
    if (this.#tried.length % this.#updateFrequency === 0) this.#excluded = [...new Set(this.#tried)];
  }

  reset(): void {
    this.#tried = [];
    this.#excluded = [];
  }
}
