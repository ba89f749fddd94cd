import type { Clock, Timer } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import type { HealthCheck } from "../resource/health_check.ts";
import { checkIntervalMs, type CheckResult, HealthCheckState, type Transition } from "./health_check_state.ts";
import type { HealthProbe } from "./health_probe.ts";
import type { UpstreamHost } from "./host.ts";

/** What a {@linkcode HealthCheckSession} works with. */
export interface HealthCheckSessionOptions {
  readonly check: HealthCheck;
  readonly host: UpstreamHost;
  /** Makes the probe; `onBroken` is called when its connection goes between two checks. */
  readonly probe: (onBroken: () => void) => HealthProbe;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the cluster ever had traffic. */
  readonly hasTraffic: () => boolean;
  /** Called before each check. */
  readonly onAttempt: () => void;
  /** Called after each result, with the flags of the host set. */
  readonly onResult: (result: CheckResult, transition: Transition, first: boolean) => void;
}

const TIMED_OUT: CheckResult = { healthy: false, kind: "timeout", retriable: false, refusesTraffic: false };
const PASSIVE: CheckResult = { healthy: false, kind: "passive", retriable: false, refusesTraffic: true };
const BROKEN: CheckResult = { healthy: false, kind: "network", retriable: false, refusesTraffic: false };

/** Checks one host: `waiting -> checking -> waiting -> ...` until stopped. */
export class HealthCheckSession {
  readonly #options: HealthCheckSessionOptions;
  readonly #state: HealthCheckState;
  readonly #probe: HealthProbe;
  /** Until the next check, or until the one under way has taken too long. */
  #timer: Timer | null = null;
  #current: AbortController | null = null;
  #stopped = false;

  /** @param options The check, the host, time. */
  constructor(options: HealthCheckSessionOptions) {
    this.#options = options;
    this.#state = new HealthCheckState(options.check, options.host);
    this.#probe = options.probe(() => {
      if (this.#current === null) this.#finish(BROKEN);
    });
  }

  /** Begins with the first check, put off by the initial jitter. */
  start(): void {
    const { check, random } = this.#options;
    if (check.initialJitterMs === 0) return this.#check();
    this.#wait(Math.max(1, Math.floor(random() * check.initialJitterMs)));
  }

  /** The host itself has said in an answer to an ordinary request that it must not be sent more. */
  refuse(): void {
    if (!this.#stopped) this.#apply(PASSIVE);
  }

  /** Ends checking and closes what is open. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#current?.abort();
    this.#probe.close();
  }

  #wait(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.timer(ms, () => this.#check());
  }

  #check(): void {
    const { check, clock, onAttempt } = this.#options;
    const current = this.#current = new AbortController();
    onAttempt();
    this.#timer?.cancel();
    this.#timer = clock.timer(check.timeoutMs, () => {
      this.#current = null;
      current.abort();
      this.#finish(TIMED_OUT);
    });
    this.#probe.check(current.signal).then((result) => {
      // Too late: it has counted as timed out, or nobody wants to know any more.
      if (this.#current !== current) return;
      this.#current = null;
      this.#finish(result);
    });
  }

  #finish(result: CheckResult): void {
    if (this.#stopped) return;
    const transition = this.#apply(result);
    // The result may have been the end of the host.
    if (this.#stopped) return;
    const { check, random, hasTraffic } = this.#options;
    this.#wait(checkIntervalMs(check, result.healthy, transition, hasTraffic(), random));
  }

  #apply(result: CheckResult): Transition {
    const first = !this.#state.checked;
    const transition = this.#state.apply(result);
    this.#options.onResult(result, transition, first);
    return transition;
  }
}
