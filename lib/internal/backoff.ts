import type { Random } from "./random.ts";

/** Settings of {@linkcode Backoff}. */
export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. */
  initialMs: number;
  /** Upper bound of any delay, in milliseconds. */
  maxMs: number;
  /**
   * Growth of the bound with each delay.
   * @default {2}
   */
  multiplier?: number;
  /**
   * Part of each delay that is random, from 0 (none) to 1 (fully jittered, as Envoy's).
   * @default {1}
   */
  jitter?: number;
  /** Source of randomness. */
  random: Random;
}

/** Exponential back-off with jitter: each `next()` doubles the bound until `reset()`. */
export class Backoff {
  readonly #options: BackoffOptions;
  #bound: number;

  /** @param options Bounds, growth and randomness. */
  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#bound = options.initialMs;
  }

  /** The delay before the next try, in milliseconds. */
  next(): number {
    const { maxMs, multiplier = 2, jitter = 1, random } = this.#options;
    const bound = Math.min(this.#bound, maxMs);
    this.#bound = Math.min(bound * multiplier, maxMs);
    return bound * (1 - jitter) + bound * jitter * random();
  }

  /** Starts again from the first bound, after a success. */
  reset(): void {
    this.#bound = this.#options.initialMs;
  }
}
