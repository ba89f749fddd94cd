import { createContext, Script } from "node:vm";

/** A function on its way into the other context and its result on the way back. */
interface Cell {
  run: (() => void) | null;
}

/**
 * Runs functions under a limit of time, which also ends a loop inside of WebAssembly: the runtime interrupts a script, so
 * the function is called from one. Costs about 20 microseconds a call.
 */
export class TimeGuard {
  readonly #cell: Cell = { run: null };
  readonly #script = new Script("cell.run()");
  readonly #context = createContext({ cell: this.#cell });
  readonly #limitMs: number;

  /** @param limitMs Milliseconds a call may take, above 0. */
  constructor(limitMs: number) {
    this.#limitMs = Math.max(1, Math.ceil(limitMs));
  }

  /** Calls a function. @throws {Error} What it throws, or that it took too long: what it worked on is in an unknown state. */
  run<T>(work: () => T): T {
    let result!: T;
    this.#cell.run = () => void (result = work());
    try {
      this.#script.runInContext(this.#context, { timeout: this.#limitMs });
    } catch (error) {
      if (!isTimeout(error)) throw error;
      // The runtime's own error is of the other context, where it is no `Error` of ours.
      throw new Error(`It took longer than '${this.#limitMs}' ms`);
    } finally {
      this.#cell.run = null;
    }
    return result;
  }
}

function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
