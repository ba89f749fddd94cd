import { systemClock } from "../../internal/clock.ts";
import { StoppedByWatchdog, Watchdog } from "../../internal/watchdog.ts";

/** Part of the budget after which the engine stops what has not stopped by itself. */
const PATIENCE = 1.5;

// The clock of the system, and no other: a module that runs cannot wait for a clock that stands still.

/**
 * Runs tasks for a limited time. Whoever has a place where stopping does no harm calls {@linkcode TimeGuard.check} there,
 * which throws once the time is over; half the time again later the {@linkcode Watchdog} stops the task wherever it
 * is.
 *
 * So code of the host that a module calls is not stopped half-way, unless it takes half the budget by itself: after the
 * budget every call of the host is refused, and the watchdog finds the module in its own code.
 */
export class TimeGuard {
  readonly #budgetMs: number;
  readonly #watchdog: Watchdog;
  #wallDeadline = Infinity;
  #deadline = Infinity;

  /** @param budgetMs Milliseconds a task may take. At least 1. */
  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
    this.#watchdog = new Watchdog(Math.ceil(budgetMs * PATIENCE));
  }

  /**
   * Runs a task. A task within a task has what is left of the time of the outer one.
   *
   * @throws {Error} What the task throws, or that it has been stopped.
   */
  run<T>(task: () => T): T {
    if (this.#deadline !== Infinity) return task();
    this.#wallDeadline = systemClock.now() + this.#budgetMs;
    this.#deadline = systemClock.monotonic() + this.#budgetMs;
    try {
      return this.#watchdog.run(task);
    } catch (error) {
      throw error instanceof StoppedByWatchdog ? this.#stopped() : error;
    } finally {
      this.#deadline = this.#wallDeadline = Infinity;
    }
  }

  /** Throws where the time of the task under way is over. */
  check(): void {
    // The first clock costs a third of the second, and can be set.
    if (systemClock.now() > this.#wallDeadline && systemClock.monotonic() > this.#deadline) throw this.#stopped();
  }

  #stopped(): Error {
    return new Error(
      `Cannot let the module go on: it has run for more than ${this.#budgetMs} ms; make it faster or raise 'budgetMs'`,
    );
  }
}
