import type { Host } from "../load_balancer/host.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { TransportSocket } from "../resource/cluster.ts";
import type { Endpoint, HealthStatus } from "../resource/endpoint.ts";
import type { ConnectionKind } from "./connection_kind.ts";
import type { ConnectionPool } from "./connection_pool.ts";

const NO_LABELS: Readonly<Record<string, Json>> = {};

/** A pool with what tells it apart from the host's others. */
export interface LastPool {
  readonly kind: ConnectionKind;
  readonly pool: ConnectionPool;
}

/**
 * An endpoint at run time: its requests, its pools, whether it is ejected. It outlives updates of the endpoint, for as
 * long as the cluster has an endpoint of the same key.
 */
export class UpstreamHost implements Host {
  readonly key: string;
  /** What consistent hashing hashes; it may follow the endpoint's metadata. */
  hashKey: string;
  /** Priority of its endpoint's locality; 0 is the most preferred. */
  priority = 0;
  /** Monotonic milliseconds at which slow start began; `null` where it has not, or is not used. */
  healthySince: number | null = null;
  /** Requests under way. */
  active = 0;
  /** Requests sent so far. */
  total = 0;
  /** Whether outlier detection has taken the host out. */
  ejected = false;
  /** Whether it has said in answers that it would rather have less traffic, and outlier detection takes its word. */
  degradedByOutlierDetection = false;
  /** Whether active health checks fail, or have not succeeded yet. */
  failedHealthCheck = false;
  /** Whether the last failed check failed by taking too long. */
  healthCheckTimedOut = false;
  /** Whether health checks succeed and say that the host would rather have less traffic. */
  degradedByHealthCheck = false;
  /** Whether the first check is still to come, and the host does not count meanwhile (`ignore_new_hosts_until_first_hc`). */
  awaitsHealthCheck = false;
  /** Whether the host itself has said that it must not be sent anything (`x-envoy-immediate-health-check-fail`). */
  refusesTraffic = false;
  /** Whether the host is gone from its assignment and stays because its health checks succeed. */
  removed = false;
  /** Connection pools by what tells them apart (transport, protocol, ALPN, SNI). */
  readonly pools: Map<string, ConnectionPool> = new Map();
  /** The pool used last; most requests need no other. */
  lastPool: LastPool | null = null;
  #endpoint: Endpoint;
  #transport: TransportSocket;

  /**
   * @param endpoint The endpoint.
   * @param transport How to talk to it.
   * @param hashKey What consistent hashing hashes.
   */
  constructor(endpoint: Endpoint, transport: TransportSocket, hashKey: string) {
    this.key = endpoint.key;
    this.hashKey = hashKey;
    this.#endpoint = endpoint;
    this.#transport = transport;
  }

  /** How to talk to it now. */
  get transport(): TransportSocket {
    return this.#transport;
  }

  /** The endpoint as it is now. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** Weight as configured. */
  get weight(): number {
    return this.#endpoint.weight;
  }

  /** Health by everyone who has a say: the control plane, active health checks and outlier detection. */
  get health(): Host["health"] {
    if (this.ejected || this.failedHealthCheck) return "unhealthy";
    const { health } = this.#endpoint;
    if (health === "unhealthy" || health === "timeout" || health === "draining") return "unhealthy";
    const degraded = health === "degraded" || this.degradedByHealthCheck || this.degradedByOutlierDetection;
    return degraded ? "degraded" : "healthy";
  }

  /** The health the control plane gave it, unless something worse was found out here. */
  get status(): HealthStatus {
    return this.ejected || this.failedHealthCheck ? "unhealthy" : this.#endpoint.health;
  }

  /** Metadata by which subsets choose. */
  get labels(): Readonly<Record<string, Json>> {
    return this.#endpoint.metadata["envoy.lb"] ?? NO_LABELS;
  }

  /**
   * Whether the host does not count when it is judged how much of a priority or locality is usable: it was taken away
   * on purpose, it did not fail.
   */
  get excluded(): boolean {
    return this.awaitsHealthCheck || this.refusesTraffic || this.#endpoint.health === "draining";
  }

  /** Envoy's health flags that are up, under its names and in its order; empty for a healthy host. */
  get healthFlags(): string[] {
    const { health } = this.#endpoint;
    const flags: [name: string, up: boolean][] = [
      ["failed_active_hc", this.failedHealthCheck],
      ["failed_outlier_check", this.ejected],
      ["failed_eds_health", health === "unhealthy" || health === "timeout"],
      ["degraded_active_hc", this.degradedByHealthCheck],
      ["degraded_eds_health", health === "degraded"],
      ["pending_dynamic_removal", this.removed],
      ["pending_active_hc", this.awaitsHealthCheck],
      ["excluded_via_immediate_hc_fail", this.refusesTraffic],
      ["active_hc_timeout", this.healthCheckTimedOut],
      ["eds_status_draining", health === "draining"],
      ["degraded_outlier_detection", this.degradedByOutlierDetection],
    ];
    return flags.filter(([, up]) => up).map(([name]) => name);
  }

  /**
   * Takes over a newer version of the endpoint. When the transport is another one, connections of the old one go.
   *
   * @returns Whether it is to be spoken to or checked in another way than before.
   */
  update(endpoint: Endpoint, transport: TransportSocket): boolean {
    const former = this.#endpoint.healthCheck;
    const { healthCheck } = endpoint;
    this.#endpoint = endpoint;
    if (transport !== this.#transport) {
      this.#transport = transport;
      this.drain();
      return true;
    }
    return healthCheck !== former && JSON.stringify(healthCheck) !== JSON.stringify(former);
  }

  /** Lets every connection finish its requests and close. */
  drain(): void {
    for (const pool of this.pools.values()) pool.drain();
    this.pools.clear();
    this.lastPool = null;
  }

  /** Closes every connection at once. */
  close(): void {
    for (const pool of this.pools.values()) pool.close();
    this.pools.clear();
    this.lastPool = null;
  }
}
