import type { Clock } from "../internal/clock.ts";

/** The value of `date` (RFC 9110 section 6.6.1), written anew once a second. */
export class DateHeader {
  readonly #clock: Clock;
  #second = NaN;
  #text = "";

  /** @param clock Tells the time. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The present moment as an IMF-fixdate. */
  get value(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
