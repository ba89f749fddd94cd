import type { Clock } from "../internal/clock.ts";

/** The settings of a bucket (`envoy.type.v3.TokenBucket`). */
export interface TokenBucketSettings {
  /** Most tokens it holds, and how many it begins with. 0 refuses everything. */
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/**
 * A bucket of tokens that fills all the time, `tokensPerFill` in each `fillIntervalMs`, as Envoy's does since 1.31: half
 * an interval gives half of the tokens.
 */
export class TokenBucket {
  readonly settings: TokenBucketSettings;
  readonly #clock: Clock;
  readonly #perMs: number;
  /** Monotonic milliseconds at which the bucket was, or would have been, empty. */
  #emptyAt: number;

  /**
   * @param settings Size and rate.
   * @param clock Time.
   */
  constructor(settings: TokenBucketSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    this.#perMs = settings.tokensPerFill / settings.fillIntervalMs;
    this.#emptyAt = clock.monotonic() - settings.maxTokens / this.#perMs;
  }

  /** Tokens it gets in a millisecond. */
  get fillRate(): number {
    return this.#perMs;
  }

  /** Whole tokens left. */
  get remaining(): number {
    return Math.floor(this.#tokens);
  }

  /** Whole seconds until there is a token again, rounded up. */
  get resetSeconds(): number {
    const tokens = this.#tokens;
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / this.#perMs / 1000);
  }

  /** Takes a token; `false` where there is none. */
  consume(): boolean {
    const { maxTokens } = this.settings;
    if (maxTokens === 0) return false;
    const now = this.#clock.monotonic();
    const fullAt = now - maxTokens / this.#perMs;
    if (this.#emptyAt < fullAt) this.#emptyAt = fullAt;
    const after = this.#emptyAt + 1 / this.#perMs;
    // What is lost to rounding must not cost a token.
    if (after > now + 1e-6) return false;
    this.#emptyAt = after;
    return true;
  }

  get #tokens(): number {
    return Math.min(this.settings.maxTokens, (this.#clock.monotonic() - this.#emptyAt) * this.#perMs);
  }
}
