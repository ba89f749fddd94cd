import type { Clock, Timer } from "../internal/clock.ts";

/** Bounds how long names that were asked for are waited for, each from when it was first waited for. */
export class FetchDeadlines {
  readonly #clock: Clock;
  readonly #onDue: (names: ReadonlySet<string>) => void;
  /** When each name is due, of the monotonic clock. */
  readonly #due = new Map<string, number>();
  #timer: Timer | null = null;

  /**
   * @param clock Time.
   * @param onDue Told which names were waited for long enough.
   */
  constructor(clock: Clock, onDue: (names: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /**
   * Says what is waited for now; whatever was before and is not any more is forgotten.
   *
   * @param names Milliseconds to wait by name; 0 waits for as long as it takes.
   */
  wait(names: ReadonlyMap<string, number>): void {
    for (const name of this.#due.keys()) if (!names.has(name)) this.#due.delete(name);
    const now = this.#clock.monotonic();
    for (const [name, ms] of names) if (ms > 0 && !this.#due.has(name)) this.#due.set(name, now + ms);
    this.#arm();
  }

  /** Stops. */
  close(): void {
    this.#due.clear();
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#due.size === 0) return;
    const earliest = Math.min(...this.#due.values());
    this.#timer = this.#clock.timer(Math.max(earliest - this.#clock.monotonic(), 0), () => this.#expire());
  }

  #expire(): void {
    this.#timer = null;
    const now = this.#clock.monotonic();
    const due = new Set([...this.#due].filter(([, at]) => at <= now).map(([name]) => name));
    for (const name of due) this.#due.delete(name);
    this.#arm();
    if (due.size > 0) this.#onDue(due);
  }
}
