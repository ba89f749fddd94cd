import { MeshError } from "../errors.ts";
import { ActivityBody } from "../http/activity_body.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HttpResponse } from "../http/message.ts";
import type { Timer } from "../internal/clock.ts";
import type { RequestTimeouts } from "../router/timeouts.ts";

/** Sets a timer. */
export type Arm = (ms: number, callback: () => void) => Timer;

/** What ended an attempt by time. */
export type Expiry = "global" | "per_try" | "per_try_idle" | "stream_duration";

const TEXTS: Readonly<Record<Expiry, string>> = {
  global: "the route's timeout",
  per_try: "the per-try timeout",
  per_try_idle: "the per-try idle timeout",
  stream_duration: "the stream duration",
};

/**
 * The time limits of one request and of its attempts. Those of the request and of an attempt's answer count from the end
 * of the request, which for streamed content is yet to come. A request for an upgrade is complete with its head, and has
 * no more limits once it is upgraded.
 */
export class RequestTimers {
  readonly #arm: Arm;
  readonly #timeouts: RequestTimeouts;
  readonly #streamDurationMs: number;
  readonly #onGlobal: (error: MeshError) => void;
  #sent: boolean;
  #exchange: Exchange | null = null;
  #global: Timer | null = null;
  #perTry: Timer | null = null;
  #idle: Timer | null = null;
  #duration: Timer | null = null;
  /** What ended the last attempt; `null` where it was not time. */
  expired: Expiry | null = null;

  /**
   * @param arm Sets timers.
   * @param timeouts The limits.
   * @param streamDurationMs Most that an attempt may last; 0 for no limit.
   * @param sent Whether the request is complete already.
   * @param onGlobal Ends the request.
   */
  constructor(
    arm: Arm,
    timeouts: RequestTimeouts,
    streamDurationMs: number,
    sent: boolean,
    onGlobal: (error: MeshError) => void,
  ) {
    this.#arm = arm;
    this.#timeouts = timeouts;
    this.#streamDurationMs = streamDurationMs;
    this.#sent = sent;
    this.#onGlobal = onGlobal;
  }

  /** Whether a limit covers the response to its end. */
  get coversResponse(): boolean {
    return this.#global !== null || this.#idle !== null || this.#duration !== null;
  }

  /** An attempt begins. */
  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    this.expired = null;
    if (this.#sent) this.#armAttempt(exchange);
    const ms = this.#streamDurationMs;
    if (ms !== 0) this.#duration = this.#arm(ms, () => this.#expire(exchange, "stream_duration", ms));
  }

  /** The last byte of the request was read. */
  requestSent(): void {
    this.#sent = true;
    this.#armGlobal();
    if (this.#exchange !== null) this.#armAttempt(this.#exchange);
  }

  /** Begins the limit of the whole request, where that is complete from the start. */
  start(): void {
    if (this.#sent) this.#armGlobal();
  }

  /** The head of a response is there, which the caller will get. */
  answered(response: HttpResponse): void {
    this.#perTry?.cancel();
    this.#perTry = null;
    if (response.status === 101) {
      this.#global?.cancel();
      this.#idle?.cancel();
      this.#global = this.#idle = null;
      return;
    }
    if (this.#idle === null || response.body === null || response.body.whole() !== null) return;
    const exchange = this.#exchange!;
    this.#touch(exchange);
    response.body = new ActivityBody(response.body, () => this.#touch(exchange));
  }

  /** The attempt is over. */
  settle(): void {
    this.#exchange = null;
    this.#perTry?.cancel();
    this.#idle?.cancel();
    this.#duration?.cancel();
    this.#perTry = this.#idle = this.#duration = null;
  }

  /** Everything is over. */
  stop(): void {
    this.settle();
    this.#global?.cancel();
    this.#global = null;
  }

  #armGlobal(): void {
    const { globalMs } = this.#timeouts;
    if (globalMs === 0 || this.#global !== null) return;
    this.#global = this.#arm(globalMs, () => {
      this.expired = "global";
      this.#onGlobal(timeout("global", globalMs));
    });
  }

  #armAttempt(exchange: Exchange): void {
    const { perTryMs, perTryIdleMs } = this.#timeouts;
    if (perTryMs !== 0) this.#perTry ??= this.#arm(perTryMs, () => this.#expire(exchange, "per_try", perTryMs));
    if (perTryIdleMs !== 0) this.#touch(exchange);
  }

  #touch(exchange: Exchange): void {
    const { perTryIdleMs } = this.#timeouts;
    this.#idle?.cancel();
    this.#idle = exchange.completed
      ? null
      : this.#arm(perTryIdleMs, () => this.#expire(exchange, "per_try_idle", perTryIdleMs));
  }

  #expire(exchange: Exchange, expiry: Expiry, ms: number): void {
    this.expired = expiry;
    exchange.cancel(timeout(expiry, ms));
  }
}

function timeout(expiry: Expiry, ms: number): MeshError {
  return new MeshError(
    "UPSTREAM_REQUEST_TIMEOUT",
    `Cannot wait for the response any longer: ${TEXTS[expiry]} of '${ms}' ms has passed`,
  );
}
