import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { StreamFailure } from "./stream_failure.ts";

/** A reminder this often while nothing changes. */
const REMIND_MS = 30_000;

/**
 * Tells the story of an outage in few lines: its reason when it begins or changes, a reminder every 30 seconds, its
 * end.
 */
export class OutageLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #target: string;
  #since: number | null = null;
  #told = { message: "", at: 0 };
  #tries = 0;

  /** @param target The address in question, for the lines. */
  constructor(logger: Logger, clock: Clock, target: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#target = target;
  }

  /** A try has failed. */
  failed(failure: StreamFailure): void {
    const now = this.#clock.monotonic();
    this.#since ??= now;
    this.#tries++;
    const { message } = failure.error;
    if (message === this.#told.message && now - this.#told.at < REMIND_MS) return;
    this.#told = { message, at: now };
    this.#logger.log(failure.permanent ? "error" : "warning", `${message}\nTrying again until it answers`, {
      tries: this.#tries,
      seconds: Math.round((now - this.#since) / 1000),
    });
  }

  /** Somebody answers. */
  over(): void {
    if (this.#since !== null) {
      this.#logger.log("info", `Connected to istiod at '${this.#target}'`, {
        tries: this.#tries,
        seconds: Math.round((this.#clock.monotonic() - this.#since) / 1000),
      });
    }
    this.#since = null;
    this.#told = { message: "", at: 0 };
    this.#tries = 0;
  }
}
