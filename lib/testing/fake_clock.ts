import type { Clock, Timer } from "../internal/clock.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until {@linkcode FakeClock.advance} moves it. Timers fire in the order of their time, then
 * in the order they were set, each with `now()` standing at its time.
 *
 * @example Let a minute pass at once
 * ```ts
 * import { FakeClock } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * const clock = new FakeClock(1_000);
 * let fired = 0;
 * clock.timer(60_000, () => fired++);
 * await clock.advance(60_000);
 * assert.equal(fired, 1);
 * assert.equal(clock.now(), 61_000);
 * ```
 */
export class FakeClock implements Clock {
  #now: number;
  readonly #start: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /**
   * Makes a clock that stands still.
   *
   * @param now Milliseconds since the epoch at which the clock stands first. @default {1_700_000_000_000}
   */
  constructor(now: number = 1_700_000_000_000) {
    this.#now = now;
    this.#start = now;
  }

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since the clock was made. */
  monotonic(): number {
    return this.#now - this.#start;
  }

  /** Sets a timer; it fires inside {@linkcode FakeClock.advance}. */
  timer(ms: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(ms, 0), order: this.#order++, callback };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Timers set and neither fired nor cancelled. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Milliseconds until the next timer; `null` when none is set. */
  get nextTimerMs(): number | null {
    const next = this.#next();
    return next === null ? null : next.at - this.#now;
  }

  /**
   * Moves the clock forward, firing every timer on the way. Between two timers, and at the end, promises and the event
   * loop get a turn, so that what a timer starts may set the next one.
   *
   * @param ms Milliseconds, 0 or more.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await turn();
    for (let next = this.#next(); next !== null && next.at <= target; next = this.#next()) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await turn();
    }
    this.#now = target;
  }

  /** Sets the time of day without firing anything: the clock of a machine that was wrong. */
  jump(now: number): void {
    this.#now = now;
  }

  #next(): Pending | null {
    let best: Pending | null = null;
    for (const pending of this.#pending) {
      if (best === null || pending.at < best.at || (pending.at === best.at && pending.order < best.order)) {
        best = pending;
      }
    }
    return best;
  }
}

/** One turn of the event loop: every promise that can settle has settled after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
