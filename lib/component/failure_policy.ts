import type { Clock, Timer } from "../internal/clock.ts";
import { Backoff } from "../internal/backoff.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";

/**
 * What becomes of requests when a filter has failed, as in Envoy's `FailurePolicy`: `fail_close` answers them with 503,
 * `fail_open` lets them pass unfiltered, `fail_reload` makes a new instance after a while and answers with 503 until then.
 */
export type FailPolicy = "fail_close" | "fail_open" | "fail_reload";

/** First and longest delay before an instance is made anew: Envoy's `ReloadConfig` begins with 1 s. */
const INITIAL_MS = 1_000;
const MAX_MS = 10_000;

/** What a {@linkcode FailingSlot} stands on. */
export interface FailingSlotOptions<T> {
  readonly name: string;
  readonly policy: FailPolicy;
  /** Makes an instance. May throw. */
  create(): T;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Holds an instance that may fail, and makes another where the policy says so: on a timer, not on a request's way. */
export class FailingSlot<T extends object> {
  readonly #options: FailingSlotOptions<T>;
  readonly #backoff: Backoff;
  #current: T | null;
  #since: number;
  #timer: Timer | null = null;
  #closed = false;

  /** @throws {Error} When the first instance cannot be made. */
  constructor(options: FailingSlotOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff({ initialMs: INITIAL_MS, maxMs: MAX_MS, jitter: 0.5, random: options.random });
    this.#current = options.create();
    this.#since = options.clock.monotonic();
  }

  /** The instance for requests that begin now; `null` while there is none. */
  get current(): T | null {
    return this.#current;
  }

  /** Gives an instance up. Does nothing for one that was given up before. */
  fail(instance: T, error: unknown): void {
    if (this.#current !== instance) return;
    this.#current = null;
    const { name, policy, clock, logger } = this.#options;
    // An instance that served for long says that the next one may.
    if (clock.monotonic() - this.#since > MAX_MS) this.#backoff.reset();
    logger.log("error", `Filter '${name}' has failed (${describe(error)}); ${CONSEQUENCES[policy]}`, { filter: name });
    if (policy === "fail_reload") this.#reloadLater();
  }

  /** Lets go of the instance and makes no other. */
  close(): void {
    this.#closed = true;
    this.#current = null;
    this.#timer?.cancel();
  }

  #reloadLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.timer(this.#backoff.next(), () => this.#reload());
  }

  #reload(): void {
    const { name, create, clock, logger } = this.#options;
    try {
      this.#current = create();
      this.#since = clock.monotonic();
      logger.log("info", `Filter '${name}' is loaded again`, { filter: name });
    } catch (error) {
      logger.log("error", `Cannot load filter '${name}' again: ${describe(error)}`, { filter: name });
      this.#reloadLater();
    }
  }
}

const CONSEQUENCES: Readonly<Record<FailPolicy, string>> = {
  fail_close: "requests are answered with 503 until it is used anew",
  fail_open: "requests pass without it",
  fail_reload: "requests are answered with 503 until it is loaded again",
};

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
