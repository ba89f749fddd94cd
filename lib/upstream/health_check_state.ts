import { type Random, randomInt } from "../internal/random.ts";
import type { HealthCheck } from "../resource/health_check.ts";
import type { UpstreamHost } from "./host.ts";

/** How a check went. */
export type CheckResult =
  | {
    readonly healthy: true;
    /** Whether the server would rather have less traffic (`x-envoy-degraded`). */
    readonly degraded: boolean;
  }
  | {
    readonly healthy: false;
    /** `active`: an answer that is not a good one; `passive`: an answer to an ordinary request said so. */
    readonly kind: "active" | "network" | "timeout" | "passive";
    /** Whether a bad answer counts towards the threshold instead of deciding at once. */
    readonly retriable: boolean;
    /** Whether the server said that it must not be sent anything (`x-envoy-immediate-health-check-fail`). */
    readonly refusesTraffic: boolean;
  };

/** Whether a check has changed what the host is. */
export type Transition = "unchanged" | "pending" | "changed";

/**
 * What the checks of one host add up to, as in Envoy: the first success makes a host healthy at once, later ones need
 * their threshold; a bad answer makes it unhealthy at once, network failures and retriable answers need theirs.
 */
export class HealthCheckState {
  readonly #settings: Pick<HealthCheck, "healthyThreshold" | "unhealthyThreshold">;
  readonly #host: UpstreamHost;
  #checked = false;
  #successes = 0;
  #failures = 0;

  /**
   * @param settings Thresholds.
   * @param host The host; its flags are set.
   */
  constructor(settings: Pick<HealthCheck, "healthyThreshold" | "unhealthyThreshold">, host: UpstreamHost) {
    this.#settings = settings;
    this.#host = host;
  }

  /** Whether there was a result. */
  get checked(): boolean {
    return this.#checked;
  }

  /** Takes a result in. */
  apply(result: CheckResult): Transition {
    const transition = result.healthy ? this.#succeed(result.degraded) : this.#fail(result);
    this.#checked = true;
    if (!this.#host.awaitsHealthCheck) return transition;
    this.#host.awaitsHealthCheck = false;
    return "changed";
  }

  #succeed(degraded: boolean): Transition {
    const host = this.#host;
    this.#failures = 0;
    let transition: Transition = "unchanged";
    if (host.failedHealthCheck) {
      if (!this.#checked || ++this.#successes === this.#settings.healthyThreshold) {
        host.failedHealthCheck = false;
        host.healthCheckTimedOut = false;
        host.refusesTraffic = false;
        transition = "changed";
      } else {
        transition = "pending";
      }
    }
    if (degraded !== host.degradedByHealthCheck) {
      host.degradedByHealthCheck = degraded;
      if (transition === "unchanged") transition = "changed";
    }
    return transition;
  }

  #fail(result: CheckResult & { healthy: false }): Transition {
    const host = this.#host;
    const { kind } = result;
    this.#successes = 0;
    if (result.refusesTraffic) host.refusesTraffic = true;
    let transition: Transition = "unchanged";
    if (!host.failedHealthCheck) {
      const decides = (kind === "active" || kind === "passive") && !result.retriable;
      if (decides || ++this.#failures === this.#settings.unhealthyThreshold) {
        host.failedHealthCheck = true;
        transition = "changed";
      } else {
        transition = "pending";
      }
    }
    host.healthCheckTimedOut = kind === "timeout" && host.failedHealthCheck;
    return transition;
  }
}

/**
 * Milliseconds until the next check, at least 1.
 *
 * @param check The intervals.
 * @param healthy Whether the check before succeeded.
 * @param transition What it has changed.
 * @param traffic Whether the cluster ever had any.
 * @param random For the jitter.
 */
export function checkIntervalMs(
  check: HealthCheck,
  healthy: boolean,
  transition: Transition,
  traffic: boolean,
  random: Random,
): number {
  const pending = transition === "pending";
  let ms: number;
  if (!traffic) ms = healthy && !pending ? check.noTrafficHealthyIntervalMs : check.noTrafficIntervalMs;
  else if (healthy) ms = pending ? check.healthyEdgeIntervalMs : check.intervalMs;
  else ms = pending ? check.unhealthyEdgeIntervalMs : check.unhealthyIntervalMs;
  const percent = Math.floor(check.intervalJitterPercent * ms / 100);
  if (percent > 0) ms += randomInt(random, percent);
  if (check.intervalJitterMs > 0) ms += randomInt(random, check.intervalJitterMs);
  return Math.max(1, ms);
}
