import { systemClock } from "../../internal/clock.ts";
import { type Context as ScriptContext, createContext, Script } from "node:vm";

/** Part of the budget after which the engine stops what has not stopped by itself. */
const PATIENCE = 1.5;

// The clock of the system, and no other: a module that runs cannot wait for a clock that stands still.

/** What the script calls. */
interface Cell {
  run: (() => unknown) | null;
}

/**
 * Runs tasks for a limited time. Whoever has a place where stopping does no harm calls {@linkcode TimeGuard.check} there,
 * which throws once the time is over; half the time again later the engine (the watchdog of `node:vm`) stops the task
 * wherever it is, and no `catch` or `finally` within it runs.
 *
 * So code of the host that a module calls is not stopped half-way, unless it takes half the budget by itself: after the
 * budget every call of the host is refused, and the watchdog finds the module in its own code.
 */
export class TimeGuard {
  readonly #budgetMs: number;
  readonly #options: { readonly timeout: number };
  readonly #cell: Cell = { run: null };
  /** Made at the first task: a script costs what one task costs. */
  #script: Script | null = null;
  #context: ScriptContext = {};
  #wallDeadline = Infinity;
  #deadline = Infinity;

  /** @param budgetMs Milliseconds a task may take. At least 1. */
  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
    this.#options = { timeout: Math.ceil(budgetMs * PATIENCE) };
  }

  /**
   * Runs a task. A task within a task has what is left of the time of the outer one.
   *
   * @throws {Error} What the task throws, or that it has been stopped.
   */
  run<T>(task: () => T): T {
    if (this.#deadline !== Infinity) return task();
    this.#script ??= this.#prepare();
    this.#cell.run = task;
    this.#wallDeadline = systemClock.now() + this.#budgetMs;
    this.#deadline = systemClock.monotonic() + this.#budgetMs;
    try {
      return this.#script.runInContext(this.#context, this.#options) as T;
    } catch (error) {
      throw isTimeout(error) ? this.#stopped() : error;
    } finally {
      this.#deadline = this.#wallDeadline = Infinity;
      this.#cell.run = null;
    }
  }

  /** Throws where the time of the task under way is over. */
  check(): void {
    // The first clock costs a third of the second, and can be set.
    if (systemClock.now() > this.#wallDeadline && systemClock.monotonic() > this.#deadline) throw this.#stopped();
  }

  #prepare(): Script {
    this.#context = createContext(Object.assign(Object.create(null), { cell: this.#cell }));
    return new Script("cell.run()");
  }

  #stopped(): Error {
    return new Error(
      `Cannot let the module go on: it has run for more than ${this.#budgetMs} ms; make it faster or raise 'budgetMs'`,
    );
  }
}

/** The error is one of the script's own realm: no `instanceof` knows it. */
function isTimeout(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
