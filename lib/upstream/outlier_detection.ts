import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { type Random, randomInt } from "../internal/random.ts";
import type { OutlierDetection } from "../resource/cluster.ts";
import type { ClusterMetrics } from "./cluster_metrics.ts";
import type { UpstreamHost } from "./host.ts";
import { Penalty } from "./penalty.ts";
import { judgeRates } from "./success_rate.ts";

/** What an {@linkcode OutlierDetector} works on. */
export interface OutlierDetectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ClusterMetrics;
  /** For the log. */
  readonly clusterName: string;
  /** Called when a host was taken out or put back. */
  readonly onChange: () => void;
}

/** Whose fault a result is: the server's answer, or what happened on our side of the wire. */
export type Origin = "external" | "local";

/** Why a host is taken out, in Envoy's words. */
type Kind =
  | "consecutive_5xx"
  | "consecutive_gateway_failure"
  | "consecutive_local_origin_failure"
  | "success_rate"
  | "local_origin_success_rate"
  | "failure_percentage"
  | "local_origin_failure_percentage";

/** How many of the detections of each kind become ejections. */
const ENFORCING = {
  consecutive_5xx: "enforcingConsecutive5xx",
  consecutive_gateway_failure: "enforcingConsecutiveGatewayFailure",
  consecutive_local_origin_failure: "enforcingConsecutiveLocalOriginFailure",
  success_rate: "enforcingSuccessRate",
  local_origin_success_rate: "enforcingLocalOriginSuccessRate",
  failure_percentage: "enforcingFailurePercentage",
  local_origin_failure_percentage: "enforcingFailurePercentageLocalOrigin",
} as const satisfies Record<Kind, keyof OutlierDetection>;

/** Requests of the current interval. */
interface Bucket {
  total: number;
  succeeded: number;
}

/** What is known of one host. */
interface Monitor {
  consecutive5xx: number;
  consecutiveGateway: number;
  consecutiveLocal: number;
  readonly external: Bucket;
  readonly local: Bucket;
  /** Rate of the last interval, percent; -1 where unknown. */
  externalRate: number;
  localRate: number;
  readonly ejection: Penalty;
  readonly degradation: Penalty;
}

/** Mean and limit of the rates of success, percent; -1 where unknown. */
export interface RateSummary {
  readonly average: number;
  readonly threshold: number;
}

const UNKNOWN_RATE: RateSummary = { average: -1, threshold: -1 };

/**
 * Takes hosts out of load balancing that fail more than the others, as Envoy's outlier detection: consecutive 5xx,
 * gateway (502, 503, 504) and local failures as they happen; success rate and failure percentage at the end of each
 * interval, which is also when hosts come back ({@linkcode Penalty}).
 *
 * No interval is timed while there is nothing to judge and nobody to put back.
 */
export class OutlierDetector {
  readonly #settings: OutlierDetection;
  readonly #deps: OutlierDetectorDeps;
  readonly #monitors = new Map<UpstreamHost, Monitor>();
  #ejected = 0;
  #interval: Timer | null = null;
  /** Whether a result came since the last interval. */
  #used = false;
  #stopped = false;
  #rates: Record<Origin, RateSummary> = { external: UNKNOWN_RATE, local: UNKNOWN_RATE };

  /**
   * @param settings Thresholds.
   * @param deps Clock, randomness, log, metrics.
   */
  constructor(settings: OutlierDetection, deps: OutlierDetectorDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Watches a host. */
  add(host: UpstreamHost): void {
    this.#monitors.set(host, {
      consecutive5xx: 0,
      consecutiveGateway: 0,
      consecutiveLocal: 0,
      external: { total: 0, succeeded: 0 },
      local: { total: 0, succeeded: 0 },
      externalRate: -1,
      localRate: -1,
      ejection: new Penalty(),
      degradation: new Penalty(),
    });
  }

  /** Forgets a host. */
  remove(host: UpstreamHost): void {
    if (!this.#monitors.delete(host) || !host.ejected) return;
    this.#ejected--;
    this.#deps.metrics.change("ejections_active", -1);
  }

  /** A response came, with this status; for gRPC, with what its status means in HTTP. */
  onResponse(host: UpstreamHost, status: number): void {
    const monitor = this.#monitors.get(host);
    if (monitor === undefined) return;
    if (this.#settings.splitExternalLocalOriginErrors) succeeded(monitor.local, monitor);
    this.#onStatus(host, monitor, status);
  }

  /**
   * No response came, or not to its end: connect failure, reset, time-out.
   *
   * @param status What it counts as unless local failures are split off: 504 for a time-out, 503 otherwise.
   * @param connected Whether a connection had been there for the request.
   */
  onFailure(host: UpstreamHost, status: number, connected: boolean): void {
    const monitor = this.#monitors.get(host);
    if (monitor === undefined) return;
    const settings = this.#settings;
    if (!settings.splitExternalLocalOriginErrors) return this.#onStatus(host, monitor, status);
    // Envoy counts the connection as a success of its own.
    if (connected) succeeded(monitor.local, monitor);
    this.#touch();
    monitor.local.total++;
    if (++monitor.consecutiveLocal === settings.consecutiveLocalOriginFailure) {
      if (this.#onConsecutive(host, monitor, "consecutive_local_origin_failure")) monitor.consecutiveLocal = 0;
    }
  }

  /** A response came that says the host would rather have less traffic (`x-envoy-degraded`). */
  onDegraded(host: UpstreamHost): void {
    const monitor = this.#monitors.get(host);
    if (monitor === undefined || this.#stopped || host.degradedByOutlierDetection) return;
    const { metrics, clock, random, onChange } = this.#deps;
    metrics.count("ejections_detected_degradation");
    host.degradedByOutlierDetection = true;
    monitor.degradation.begin(clock.monotonic(), this.#settings, random);
    this.#arm();
    onChange();
  }

  /** An active health check has succeeded, and the host is healthy by those. */
  onHealthy(host: UpstreamHost): void {
    const monitor = this.#monitors.get(host);
    if (monitor === undefined || !host.ejected || !this.#settings.successfulActiveHealthCheckUnejectHost) return;
    this.#uneject(host, monitor);
    this.#deps.onChange();
  }

  /** The rate of success of a host in the last interval, percent; -1 where unknown. */
  rateOf(host: UpstreamHost, origin: Origin): number {
    const monitor = this.#monitors.get(host);
    return (origin === "external" ? monitor?.externalRate : monitor?.localRate) ?? -1;
  }

  /** Mean and limit of the rates of the last interval. */
  rates(origin: Origin): RateSummary {
    return this.#rates[origin];
  }

  /** Ends the timer. */
  stop(): void {
    this.#stopped = true;
    this.#interval?.cancel();
    this.#interval = null;
    this.#deps.metrics.close();
  }

  #onStatus(host: UpstreamHost, monitor: Monitor, status: number): void {
    this.#touch();
    monitor.external.total++;
    if (status < 500 || status > 599) {
      monitor.external.succeeded++;
      monitor.consecutive5xx = 0;
      monitor.consecutiveGateway = 0;
      return;
    }
    const settings = this.#settings;
    if (status < 502 || status > 504) monitor.consecutiveGateway = 0;
    else if (++monitor.consecutiveGateway === settings.consecutiveGatewayFailure) {
      if (this.#onConsecutive(host, monitor, "consecutive_gateway_failure")) monitor.consecutiveGateway = 0;
    }
    if (++monitor.consecutive5xx === settings.consecutive5xx) {
      if (this.#onConsecutive(host, monitor, "consecutive_5xx")) monitor.consecutive5xx = 0;
    }
  }

  /** @returns Whether the count starts anew: not while the host is out already. */
  #onConsecutive(host: UpstreamHost, monitor: Monitor, kind: Kind): boolean {
    if (this.#stopped || host.ejected) return false;
    if (this.#detected(host, monitor, kind)) this.#deps.onChange();
    return true;
  }

  /** Ejects the host unless too many are out or the kind is not enforced. */
  #detected(host: UpstreamHost, monitor: Monitor, kind: Kind): boolean {
    const { metrics, random, clock, logger, clusterName } = this.#deps;
    const settings = this.#settings;
    metrics.count(`ejections_detected_${kind}`);
    const percent = 100 * (this.#ejected + 1) / this.#monitors.size;
    if (percent > settings.maxEjectionPercent && !(settings.alwaysEjectOneHost && this.#ejected === 0)) {
      metrics.count("ejections_overflow");
      return false;
    }
    if (randomInt(random, 100) >= settings[ENFORCING[kind]]) return false;
    host.ejected = true;
    this.#ejected++;
    metrics.change("ejections_active", 1);
    metrics.count("ejections_enforced_total");
    metrics.count(`ejections_enforced_${kind}`);
    monitor.ejection.begin(clock.monotonic(), settings, random);
    this.#arm();
    logger.log("info", "An endpoint fails more than others and is taken out of load balancing", {
      cluster: clusterName,
      endpoint: host.key,
      reason: kind,
    });
    return true;
  }

  #uneject(host: UpstreamHost, monitor: Monitor): void {
    const { metrics, clock, logger, clusterName } = this.#deps;
    host.ejected = false;
    this.#ejected--;
    metrics.change("ejections_active", -1);
    // One failure more must not throw it out again because another count had nearly been reached.
    monitor.consecutive5xx = 0;
    monitor.consecutiveGateway = 0;
    monitor.consecutiveLocal = 0;
    monitor.ejection.end(clock.monotonic());
    this.#arm();
    logger.log("info", "An endpoint is back in load balancing", { cluster: clusterName, endpoint: host.key });
  }

  #touch(): void {
    if (this.#used) return;
    this.#used = true;
    this.#arm();
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#interval ??= this.#deps.clock.timer(this.#settings.intervalMs, () => {
      this.#interval = null;
      this.#onInterval();
    });
  }

  #onInterval(): void {
    const now = this.#deps.clock.monotonic();
    let changed = false;
    for (const [host, monitor] of this.#monitors) {
      if (host.ejected && monitor.ejection.served(now)) {
        this.#uneject(host, monitor);
        changed = true;
      }
      if (host.degradedByOutlierDetection && monitor.degradation.served(now)) {
        host.degradedByOutlierDetection = false;
        monitor.degradation.end(now);
        changed = true;
      }
    }
    if (this.#judge("external")) changed = true;
    if (this.#judge("local")) changed = true;
    let pending = this.#used || this.#ejected > 0;
    this.#used = false;
    for (const [host, { ejection, degradation }] of this.#monitors) {
      if (!host.ejected) ejection.relax(now, this.#settings);
      if (!host.degradedByOutlierDetection) degradation.relax(now, this.#settings);
      if (ejection.remembered || degradation.remembered) pending = true;
    }
    if (pending) this.#arm();
    if (changed) this.#deps.onChange();
  }

  /** Judges the interval that ends and begins the next. */
  #judge(origin: Origin): boolean {
    const records = [];
    for (const [host, monitor] of this.#monitors) {
      if (!host.ejected) records.push({ host, ...monitor[origin] });
      monitor[origin].total = monitor[origin].succeeded = 0;
      setRate(monitor, origin, -1);
    }
    const { average, threshold, rates, slow, failing } = judgeRates(records, this.#monitors.size, this.#settings);
    this.#rates[origin] = { average, threshold };
    for (const { host, rate } of rates) setRate(this.#monitors.get(host)!, origin, rate);
    const local = origin === "local";
    let changed = false;
    const eject = (hosts: readonly UpstreamHost[], kind: Kind) => {
      for (const host of hosts) {
        if (!host.ejected && this.#detected(host, this.#monitors.get(host)!, kind)) changed = true;
      }
    };
    eject(slow, local ? "local_origin_success_rate" : "success_rate");
    eject(failing, local ? "local_origin_failure_percentage" : "failure_percentage");
    return changed;
  }
}

function setRate(monitor: Monitor, origin: Origin, rate: number): void {
  if (origin === "external") monitor.externalRate = rate;
  else monitor.localRate = rate;
}

function succeeded(bucket: Bucket, monitor: Monitor): void {
  bucket.total++;
  bucket.succeeded++;
  monitor.consecutiveLocal = 0;
}
