import type { Clock } from "../../internal/clock.ts";

/** Frames that move nothing which a frame that moves something pays for. */
const EARNED = 10;

/**
 * A budget against floods: each unwanted event costs one, time and useful work give some back, never above the burst.
 * The clock is read only when the budget seems used up, so that an event costs a subtraction.
 */
export class FloodGuard {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;

  /**
   * @param clock Time.
   * @param burst How many events at once.
   * @param perSecond How many are given back a second.
   */
  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = clock.monotonic();
  }

  /** Pays for one event; `false` when the budget is used up. */
  spend(): boolean {
    if (this.#left >= 1) {
      this.#left--;
      return true;
    }
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#since) / 1000 * this.#perSecond);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Gives back for a useful event. */
  earn(): void {
    this.#left = Math.min(this.#burst, this.#left + EARNED);
  }
}
