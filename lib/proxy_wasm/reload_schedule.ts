import type { Random } from "../internal/random.ts";

/** Part of the pause that is added at random, at most (`JitteredLowerBoundBackOffStrategy` of Envoy). */
const JITTER = 0.5;

/**
 * When a new VM may be started in place of one that has failed. As in Envoy, the pause is counted from the last start
 * rather than from the failure: a VM that has run for long is replaced at once, one that fails as soon as it runs is not
 * started again and again. The pause is the same each time but for its jitter, and `max_interval` has no meaning.
 */
export class ReloadSchedule {
  readonly #pauseMs: number;
  readonly #random: Random;
  #notBefore = -Infinity;

  /**
   * @param pauseMs Shortest pause, in milliseconds; the longest is half as much again.
   * @param random Source of the jitter.
   */
  constructor(pauseMs: number, random: Random) {
    this.#pauseMs = pauseMs;
    this.#random = random;
  }

  /** A VM has been started, or the try has failed. @param now Milliseconds of a clock that does not go back. */
  started(now: number): void {
    this.#notBefore = now + this.#pauseMs * (1 + this.#random() * JITTER);
  }

  /** Whether another may be started. @param now Milliseconds of the same clock. */
  mayStart(now: number): boolean {
    return now >= this.#notBefore;
  }
}
