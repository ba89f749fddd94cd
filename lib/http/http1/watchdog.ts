import type { Clock, Timer } from "../../internal/clock.ts";

/**
 * One coarse deadline per connection. Watching, touching and resting are a few stores each: the clock's timer is armed
 * at quarters of the limit and only looks whether anything happened, so a request costs no timer.
 *
 * A limit of T expires between T and 1.5 T.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #onExpire: () => void;
  #limitMs = 0;
  #quarters = 0;
  #timer: Timer | null = null;
  #timerMs = 0;

  /**
   * @param clock Source of timers.
   * @param onExpire Called once per expiry; watching has ended then.
   */
  constructor(clock: Clock, onExpire: () => void) {
    this.#clock = clock;
    this.#onExpire = onExpire;
  }

  /** Watches for `limitMs` without {@linkcode Watchdog.touch}, instead of what was watched before; 0 for nothing. */
  watch(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#quarters = 0;
    if (limitMs === 0) return;
    const quarter = limitMs / 4;
    if (this.#timer !== null) {
      if (this.#timerMs <= quarter) return;
      this.#timer.cancel();
    }
    this.#arm(quarter);
  }

  /** Watches for `limitMs`, going on where that limit is watched already. */
  keep(limitMs: number): void {
    if (limitMs !== this.#limitMs) this.watch(limitMs);
  }

  /** Something happened: the limit begins anew. */
  touch(): void {
    this.#quarters = 0;
  }

  /** Stops for good. */
  stop(): void {
    this.#limitMs = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(ms: number): void {
    this.#timerMs = ms;
    this.#timer = this.#clock.timer(ms, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    if (this.#limitMs === 0) return;
    const quarter = this.#limitMs / 4;
    // A timer armed for a shorter limit came early: it only brings the cadence back.
    if (this.#timerMs < quarter) return this.#arm(quarter);
    // The first tick after a touch may come at once, hence five.
    if (++this.#quarters < 5) return this.#arm(quarter);
    this.#limitMs = 0;
    this.#onExpire();
  };
}
