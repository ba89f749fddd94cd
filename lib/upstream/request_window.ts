import type { Clock } from "../internal/clock.ts";

/** Parts a window is counted in: a request is forgotten at most a tenth of the window late. */
const SLOTS = 10;

/** How many requests have begun within the last so many milliseconds. */
export class RequestWindow {
  readonly #clock: Clock;
  readonly #slotMs: number;
  /** Counts of the newest slots, by the number of the slot modulo their number. */
  readonly #slots = new Array<number>(SLOTS + 1).fill(0);
  #newest = 0;
  #sum = 0;

  /**
   * @param clock Time.
   * @param windowMs Length of the window.
   */
  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#slotMs = windowMs / SLOTS;
    this.#newest = this.#slotNow();
  }

  /** A request begins. */
  add(): void {
    this.#expire();
    this.#slots[this.#newest % this.#slots.length]!++;
    this.#sum++;
  }

  /** How many have begun. */
  get count(): number {
    this.#expire();
    return this.#sum;
  }

  #slotNow(): number {
    return Math.floor(this.#clock.monotonic() / this.#slotMs);
  }

  #expire(): void {
    const now = this.#slotNow();
    const passed = Math.min(now - this.#newest, this.#slots.length);
    for (let i = 1; i <= passed; i++) {
      const at = (this.#newest + i) % this.#slots.length;
      this.#sum -= this.#slots[at]!;
      this.#slots[at] = 0;
    }
    this.#newest = now;
  }
}
