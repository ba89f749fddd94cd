import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { HealthCheck } from "../resource/health_check.ts";
import type { ClusterMetrics } from "./cluster_metrics.ts";
import { createHealthProbe } from "./create_health_probe.ts";
import { HealthCheckSession } from "./health_check_session.ts";
import type { CheckResult, Transition } from "./health_check_state.ts";
import type { UpstreamHost } from "./host.ts";
import type { HostConnector } from "./host_connector.ts";

/** What a {@linkcode HealthChecker} works with. */
export interface HealthCheckerDeps {
  readonly connector: HostConnector;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ClusterMetrics;
  /** Whether the cluster ever had traffic. */
  readonly hasTraffic: () => boolean;
  /** Called after each result. */
  readonly onResult: (host: UpstreamHost, healthy: boolean, transition: Transition) => void;
}

/**
 * Checks the hosts of a cluster actively. A host begins unhealthy and becomes healthy with its first success; a host
 * that does not want to be checked counts as healthy.
 */
export class HealthChecker {
  readonly #cluster: Cluster;
  readonly #check: HealthCheck;
  readonly #deps: HealthCheckerDeps;
  readonly #sessions = new Map<UpstreamHost, HealthCheckSession>();
  /** Hosts whose first result {@linkcode HealthChecker.firstRound} waits for. */
  readonly #awaited = new Set<UpstreamHost>();
  #onFirstRound: (() => void) | null = null;
  /** Hosts counted as healthy, and as degraded. */
  readonly #healthy = new Set<UpstreamHost>();
  readonly #degraded = new Set<UpstreamHost>();

  /**
   * @param cluster The cluster.
   * @param check How to check.
   * @param deps Connections, time, log, metrics.
   */
  constructor(cluster: Cluster, check: HealthCheck, deps: HealthCheckerDeps) {
    this.#cluster = cluster;
    this.#check = check;
    this.#deps = deps;
  }

  /** Begins to check a host. */
  add(host: UpstreamHost): void {
    if (host.endpoint.healthCheck?.disabled === true) return;
    host.failedHealthCheck = true;
    host.awaitsHealthCheck = this.#check.ignoreNewHosts;
    this.#awaited.add(host);
    this.#begin(host);
  }

  /** Checks a host as its endpoint now says. */
  update(host: UpstreamHost): void {
    const disabled = host.endpoint.healthCheck?.disabled === true;
    const known = this.#sessions.get(host);
    if (disabled) {
      this.remove(host);
      host.failedHealthCheck =
        host.healthCheckTimedOut =
        host.degradedByHealthCheck =
        host.awaitsHealthCheck =
          false;
    } else if (known === undefined) {
      this.add(host);
    } else {
      known.stop();
      this.#begin(host);
    }
  }

  /** Ends checking a host. */
  remove(host: UpstreamHost): void {
    const session = this.#sessions.get(host);
    if (session === undefined) return;
    session.stop();
    this.#sessions.delete(host);
    this.#count(host, false);
    this.#settle(host);
  }

  /** Whether a host is checked. */
  checks(host: UpstreamHost): boolean {
    return this.#sessions.has(host);
  }

  /** The host has said in an answer to an ordinary request that it must not be sent more. */
  refuse(host: UpstreamHost): void {
    this.#sessions.get(host)?.refuse();
  }

  /** Settles once every host known now has had its first result: until then a cluster is not in use. */
  firstRound(): Promise<void> {
    if (this.#awaited.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onFirstRound = resolve);
  }

  /** Ends every check. */
  stop(): void {
    for (const session of this.#sessions.values()) session.stop();
    this.#sessions.clear();
    this.#awaited.clear();
    this.#onFirstRound?.();
    this.#deps.metrics.close();
  }

  #begin(host: UpstreamHost): void {
    const { connector, clock, random, metrics, hasTraffic } = this.#deps;
    const session = new HealthCheckSession({
      check: this.#check,
      host,
      probe: (onBroken) => createHealthProbe(this.#cluster, this.#check, host, { connector, clock, metrics, onBroken }),
      clock,
      random,
      hasTraffic,
      onAttempt: () => metrics.count("attempt"),
      onResult: (result, transition, first) => this.#onResult(host, result, transition, first),
    });
    this.#sessions.set(host, session);
    session.start();
  }

  #onResult(host: UpstreamHost, result: CheckResult, transition: Transition, first: boolean): void {
    const { metrics, onResult } = this.#deps;
    metrics.count(result.healthy ? "success" : "failure");
    if (!result.healthy && result.kind === "passive") metrics.count("passive_failure");
    else if (!result.healthy && result.kind !== "active") metrics.count("network_failure");
    this.#log(host, result, transition, first);
    this.#count(host, true);
    onResult(host, result.healthy, transition);
    this.#settle(host);
  }

  #count(host: UpstreamHost, checked: boolean): void {
    const { metrics } = this.#deps;
    const tell = (name: string, hosts: Set<UpstreamHost>, is: boolean) => {
      if (is === hosts.has(host)) return;
      if (is) hosts.add(host);
      else hosts.delete(host);
      metrics.change(name, is ? 1 : -1);
    };
    tell("healthy", this.#healthy, checked && !host.failedHealthCheck);
    tell("degraded", this.#degraded, checked && host.degradedByHealthCheck);
  }

  #settle(host: UpstreamHost): void {
    if (!this.#awaited.delete(host) || this.#awaited.size > 0) return;
    this.#onFirstRound?.();
    this.#onFirstRound = null;
  }

  #log(host: UpstreamHost, result: CheckResult, transition: Transition, first: boolean): void {
    const { alwaysLogFailures, alwaysLogSuccess } = this.#check;
    const changed = transition === "changed";
    if (result.healthy) {
      if (!changed && !alwaysLogSuccess) return;
    } else if (!changed && !first && !alwaysLogFailures) {
      return;
    }
    const message = result.healthy
      ? changed ? "An endpoint passes its health checks" : "A health check succeeded"
      : changed
      ? "An endpoint fails its health checks and is taken out of load balancing"
      : "A health check failed";
    this.#deps.logger.log("info", message, {
      cluster: this.#cluster.name,
      endpoint: host.key,
      ...(result.healthy ? {} : { reason: result.kind }),
    });
  }
}
