import type { Clock, Timer } from "../internal/clock.ts";
import { type Random, randomInt } from "../internal/random.ts";
import type { OutlierDetection } from "../resource/cluster.ts";
import type { UpstreamHost } from "./host.ts";

/** What an {@linkcode OutlierDetector} works on. */
export interface OutlierDetectorDeps {
  clock: Clock;
  random: Random;
  /** The hosts of the cluster. */
  hosts: () => Iterable<UpstreamHost>;
  /** Called when a host was taken out or put back. */
  onChange: () => void;
}

interface Record {
  consecutive5xx: number;
  consecutiveGateway: number;
  consecutiveLocal: number;
  /** How often in a row the host was ejected; shrinks by one for each interval without an ejection. */
  ejections: number;
  ejectedAt: number;
}

/**
 * Takes hosts out of load balancing after consecutive failures: 5xx, gateway errors (502, 503, 504), and failures of
 * our own making (connect, reset, time-out). Ejection times grow with each ejection; no more than `max_ejection_percent`
 * of the hosts are out, but one always may be. (Success rate and failure percentage have their own issue.)
 */
export class OutlierDetector {
  readonly #settings: OutlierDetection;
  readonly #deps: OutlierDetectorDeps;
  readonly #records = new WeakMap<UpstreamHost, Record>();
  #sweep: Timer | null = null;
  #stopped = false;

  /**
   * @param settings Thresholds.
   * @param deps Clock, randomness, hosts.
   */
  constructor(settings: OutlierDetection, deps: OutlierDetectorDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** A response came. */
  onResponse(host: UpstreamHost, status: number): void {
    const record = this.#record(host);
    record.consecutiveLocal = 0;
    if (status < 500) {
      record.consecutive5xx = 0;
      record.consecutiveGateway = 0;
      return;
    }
    const gateway = status >= 502 && status <= 504;
    record.consecutiveGateway = gateway ? record.consecutiveGateway + 1 : 0;
    record.consecutive5xx++;
    const settings = this.#settings;
    if (gateway && reached(record.consecutiveGateway, settings.consecutiveGatewayFailure)) {
      record.consecutiveGateway = 0;
      this.#eject(host, record, settings.enforcingConsecutiveGatewayFailure);
    }
    if (reached(record.consecutive5xx, settings.consecutive5xx)) {
      record.consecutive5xx = 0;
      this.#eject(host, record, settings.enforcingConsecutive5xx);
    }
  }

  /** No response came: connect failure, reset, time-out. Counts as 503 unless local errors are split off. */
  onFailure(host: UpstreamHost): void {
    const settings = this.#settings;
    if (!settings.splitExternalLocalOriginErrors) return this.onResponse(host, 503);
    const record = this.#record(host);
    if (!reached(++record.consecutiveLocal, settings.consecutiveLocalOriginFailure)) return;
    record.consecutiveLocal = 0;
    this.#eject(host, record, settings.enforcingConsecutiveLocalOriginFailure);
  }

  /** Ends the timer. */
  stop(): void {
    this.#stopped = true;
    this.#sweep?.cancel();
    this.#sweep = null;
  }

  #record(host: UpstreamHost): Record {
    let record = this.#records.get(host);
    if (record === undefined) {
      record = { consecutive5xx: 0, consecutiveGateway: 0, consecutiveLocal: 0, ejections: 0, ejectedAt: 0 };
      this.#records.set(host, record);
    }
    return record;
  }

  #eject(host: UpstreamHost, record: Record, enforcingPercent: number): void {
    if (this.#stopped || host.ejected || randomInt(this.#deps.random, 100) >= enforcingPercent) return;
    let total = 0;
    let out = 0;
    for (const other of this.#deps.hosts()) {
      total++;
      if (other.ejected) out++;
    }
    if (out > 0 && 100 * (out + 1) / total > this.#settings.maxEjectionPercent) return;
    host.ejected = true;
    record.ejections++;
    record.ejectedAt = this.#deps.clock.monotonic();
    this.#schedule();
    this.#deps.onChange();
  }

  #schedule(): void {
    this.#sweep ??= this.#deps.clock.timer(this.#settings.intervalMs, () => {
      this.#sweep = null;
      this.#uneject();
    });
  }

  #uneject(): void {
    const { baseEjectionTimeMs, maxEjectionTimeMs } = this.#settings;
    const now = this.#deps.clock.monotonic();
    let changed = false;
    let pending = false;
    for (const host of this.#deps.hosts()) {
      const record = this.#records.get(host);
      if (record === undefined) continue;
      if (!host.ejected) {
        if (record.ejections > 0) record.ejections--;
        pending ||= record.ejections > 0;
        continue;
      }
      pending = true;
      const duration = Math.min(baseEjectionTimeMs * record.ejections, Math.max(maxEjectionTimeMs, baseEjectionTimeMs));
      if (now - record.ejectedAt < duration) continue;
      host.ejected = false;
      record.consecutive5xx = 0;
      record.consecutiveGateway = 0;
      record.consecutiveLocal = 0;
      changed = true;
    }
    if (pending && !this.#stopped) this.#schedule();
    if (changed) this.#deps.onChange();
  }
}

/** A threshold of 0 is never reached. */
function reached(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}
