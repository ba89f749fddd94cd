import type { Host } from "../load_balancer/host.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { TransportSocket } from "../resource/cluster.ts";
import type { Endpoint, HealthStatus } from "../resource/endpoint.ts";
import type { ConnectionPool } from "./connection_pool.ts";

const NO_LABELS: Readonly<Record<string, Json>> = {};

/** A pool with what tells it apart from the host's others. */
export interface LastPool {
  readonly protocol: string;
  readonly alpn: readonly string[] | null;
  readonly hostname: string;
  readonly applicationTls: string | null;
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

  /** Health by the control plane and by outlier detection. */
  get health(): Host["health"] {
    if (this.ejected) return "unhealthy";
    const { health } = this.#endpoint;
    if (health === "unknown" || health === "healthy") return "healthy";
    return health === "degraded" ? "degraded" : "unhealthy";
  }

  /** The health the control plane gave it, unless something worse was found out here. */
  get status(): HealthStatus {
    return this.ejected ? "unhealthy" : this.#endpoint.health;
  }

  /** Metadata by which subsets choose. */
  get labels(): Readonly<Record<string, Json>> {
    return this.#endpoint.metadata["envoy.lb"] ?? NO_LABELS;
  }

  /** Takes over a newer version of the endpoint. When the transport is another one, connections of the old one go. */
  update(endpoint: Endpoint, transport: TransportSocket): void {
    this.#endpoint = endpoint;
    if (transport === this.#transport) return;
    this.#transport = transport;
    this.drain();
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
