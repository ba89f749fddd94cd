import { type Random, randomInt } from "../internal/random.ts";
import type { OutlierDetection } from "../resource/cluster.ts";

/** The times a {@linkcode Penalty} goes by. */
export type PenaltyTimes = Pick<
  OutlierDetection,
  "baseEjectionTimeMs" | "maxEjectionTimeMs" | "maxEjectionTimeJitterMs" | "intervalMs"
>;

/**
 * How long a host pays for being an outlier: the base time, multiplied by how often it was one lately. The number grows
 * with each time, up to where the longest time is reached, and shrinks with each interval in which it was none.
 */
export class Penalty {
  #times = 0;
  #since = 0;
  #until = 0;
  /** When the last one was over; -Infinity before the first. */
  #over = -Infinity;

  /** Whether former times still count. */
  get remembered(): boolean {
    return this.#times > 0;
  }

  /** Begins. */
  begin(now: number, settings: PenaltyTimes, random: Random): void {
    const { baseEjectionTimeMs: base, maxEjectionTimeMs: most, maxEjectionTimeJitterMs: jitter } = settings;
    if (this.#times * base < most + base) this.#times++;
    this.#since = now;
    this.#until = Math.min(base * this.#times, most) + (jitter === 0 ? 0 : randomInt(random, jitter + 1));
  }

  /** Whether it has lasted long enough. */
  served(now: number): boolean {
    return now - this.#since >= this.#until;
  }

  /** Ends. */
  end(now: number): void {
    this.#over = now;
  }

  /** An interval without it has passed. */
  relax(now: number, { intervalMs }: PenaltyTimes): void {
    if (this.#times > 0 && now - this.#over >= intervalMs) this.#times--;
  }
}
