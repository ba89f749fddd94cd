import { Backoff } from "../internal/backoff.ts";
import type { Random } from "../internal/random.ts";

/** ztunnel waits 10 ms to 15 s; Envoy 500 ms to 30 s. */
const INITIAL_MS = 50;
const MAX_MS = 15_000;
/** A stream that lived shorter was not a working one, whatever it answered. */
const STABLE_MS = 1000;

/**
 * How long to wait before the next stream.
 *
 * A stream that worked and ended (istiod closes each after 30 minutes) is replaced at once. Without any answer the wait
 * grows, with jitter, and starts again after the first good response. A server that answers and hangs up at once is
 * given one quick try, then the wait grows as well: its answers do not reset it.
 */
export class ReconnectPolicy {
  readonly #backoff: Backoff;
  #unstable = false;

  /** @param random Source of the jitter. */
  constructor(random: Random) {
    this.#backoff = new Backoff({ initialMs: INITIAL_MS, maxMs: MAX_MS, random });
  }

  /** A good response has arrived, the first of its stream. */
  answered(): void {
    if (!this.#unstable) this.#backoff.reset();
  }

  /**
   * A stream, or the try to open one, has ended.
   *
   * @param answeredForMs How long ago it gave its first good response; `null` when it gave none.
   * @returns Milliseconds to wait; 0 for a routine end.
   */
  ended(answeredForMs: number | null): number {
    if (answeredForMs === null) return this.#backoff.next();
    const unstable = this.#unstable;
    this.#unstable = answeredForMs < STABLE_MS;
    if (!this.#unstable) this.#backoff.reset();
    return this.#unstable && unstable ? this.#backoff.next() : 0;
  }
}
