import { StoppedByWatchdog, Watchdog } from "../internal/watchdog.ts";

/** Runs functions under a limit of time, which also ends a loop inside of a component. */
export class TimeGuard {
  readonly #watchdog: Watchdog;
  readonly #limitMs: number;

  /** @param limitMs Milliseconds a call may take, above 0. */
  constructor(limitMs: number) {
    this.#limitMs = Math.max(1, Math.ceil(limitMs));
    this.#watchdog = new Watchdog(this.#limitMs);
  }

  /** Calls a function. @throws {Error} What it throws, or that it took too long: what it worked on is in an unknown state. */
  run<T>(work: () => T): T {
    try {
      return this.#watchdog.run(work);
    } catch (error) {
      throw error instanceof StoppedByWatchdog ? new Error(`It took longer than '${this.#limitMs}' ms`) : error;
    }
  }
}
