import { MeshError } from "../errors.ts";
import type { HttpClientConnection } from "../http/codec.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import type { ClusterResources } from "./resources.ts";

/** Settings of {@linkcode ConnectionPool}. */
export interface ConnectionPoolOptions {
  /** Opens a connection: TCP, TLS, codec. */
  open: () => Promise<HttpClientConnection>;
  /** Limits shared by all pools of the cluster. */
  resources: ClusterResources;
  clock: Clock;
  /** How many requests a connection that is still being opened is expected to carry at once: 1 for HTTP/1. */
  expectedConcurrency: number;
  /** The same for the connections after one that has been opened. @default {as expected before} */
  learnConcurrency?: (connection: HttpClientConnection) => number;
  /** Most requests at once on a connection; 0 for what the peer allows. */
  maxConcurrentStreams: number;
  /** 0 for no limit. */
  maxRequestsPerConnection: number;
  /** Milliseconds a connection may be without a request; 0 for no limit. Checked at quarters of itself. */
  idleTimeoutMs: number;
  /** Milliseconds a connection may live before it takes no more requests; 0 for no limit. */
  maxConnectionDurationMs: number;
  /** Called once, when a drained or closed pool has lost its last connection. @default {nothing} */
  onEmpty?: () => void;
}

/** A connection with what the pool knows of it. */
interface Pooled {
  readonly connection: HttpClientConnection;
  /** Requests sent on it. */
  served: number;
  /** Whether it is on the stack of connections that can take a request. */
  ready: boolean;
  /** Requests sent at the last idle check, and how many checks found no change. */
  servedAtCheck: number;
  quietChecks: number;
  lifetime: Timer | null;
}

/** A request that waits for a connection. */
interface Waiting {
  readonly request: HttpRequest;
  readonly exchange: Exchange;
  readonly resolve: (response: Promise<HttpResponse>) => void;
  readonly reject: (error: unknown) => void;
  settled: boolean;
}

/**
 * Connections to one host over one kind of transport. `open -> draining -> closed`.
 *
 * HTTP/1 and HTTP/2 differ only in how many requests a connection says it can take. The connection used last is used
 * first, so that surplus ones become idle and go. A request that finds no free connection waits, and opens one where
 * those being opened will not do; when opening fails everything that waits fails, as in Envoy.
 */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #connections = new Set<Pooled>();
  readonly #ready: Pooled[] = [];
  #waiting: Waiting[] = [];
  #opening = 0;
  #state: "open" | "draining" | "closed" = "open";
  #idleCheck: Timer | null = null;
  #empty = false;
  #expectedConcurrency: number;

  /** @param options How to connect, and limits. */
  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.#expectedConcurrency = options.expectedConcurrency;
  }

  /** Connections, without those being opened. */
  get size(): number {
    return this.#connections.size;
  }

  /** Whether the pool takes no more requests. */
  get draining(): boolean {
    return this.#state !== "open";
  }

  /**
   * Sends a request on a free connection, or waits for one.
   *
   * @throws {MeshError} `UPSTREAM_OVERFLOW` when too many wait, what opening or the codec rejects with, or the reason of
   * a cancellation.
   */
  send(request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    const pooled = this.#ready[this.#ready.length - 1];
    if (pooled !== undefined) return this.#sendOn(pooled, request, exchange);
    return this.#wait(request, exchange);
  }

  /** Takes no more requests; connections close once they are idle. What waits is still served. */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#drainIfDone();
  }

  /** Closes everything at once; requests under way fail. */
  close(): void {
    this.#state = "closed";
    this.#failWaiting(new MeshError("MESH_CLOSED", "Cannot send the request: the connection pool was closed"));
    for (const { connection } of [...this.#connections]) connection.close();
    this.#stopIdleCheck();
    this.#reportEmpty();
  }

  #sendOn(pooled: Pooled, request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    const { connection } = pooled;
    pooled.served++;
    const response = connection.send(request, exchange);
    const { maxRequestsPerConnection } = this.#options;
    if (maxRequestsPerConnection !== 0 && pooled.served >= maxRequestsPerConnection) {
      this.#unready(pooled);
      connection.drain();
    } else if (!this.#usable(connection)) {
      this.#unready(pooled);
    }
    return response;
  }

  #usable(connection: HttpClientConnection): boolean {
    if (connection.state !== "open" || connection.available <= 0) return false;
    const { maxConcurrentStreams } = this.#options;
    return maxConcurrentStreams === 0 || connection.active < maxConcurrentStreams;
  }

  #wait(request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    const { pendingRequests } = this.#options.resources;
    if (this.#state !== "open") {
      return this.#refuse(exchange, "UPSTREAM_CONNECTION_TERMINATION", "its connection pool is closing");
    }
    if (pendingRequests.full) {
      return this.#refuse(
        exchange,
        "UPSTREAM_OVERFLOW",
        `'${pendingRequests.count}' requests already wait for a connection; check the cluster's connection pool limits`,
      );
    }
    if (exchange.cancelled) return Promise.reject(exchange.reason);
    return new Promise<HttpResponse>((resolve, reject) => {
      const waiting: Waiting = { request, exchange, resolve, reject, settled: false };
      pendingRequests.count++;
      this.#waiting.push(waiting);
      exchange.onCancel((reason) => {
        if (!this.#settle(waiting)) return;
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        exchange.complete(reason);
        reject(reason);
      });
      this.#openWhatIsNeeded();
    });
  }

  #refuse(exchange: Exchange, code: "UPSTREAM_OVERFLOW" | "UPSTREAM_CONNECTION_TERMINATION", why: string) {
    const error = new MeshError(code, `Cannot send the request: ${why}`);
    exchange.complete(error);
    return Promise.reject(error);
  }

  /** Marks a request as no longer waiting; tells whether it still was. */
  #settle(waiting: Waiting): boolean {
    if (waiting.settled) return false;
    waiting.settled = true;
    this.#options.resources.pendingRequests.count--;
    return true;
  }

  #openWhatIsNeeded(): void {
    const { resources } = this.#options;
    while (this.#state !== "closed" && this.#waiting.length > this.#opening * this.#expectedConcurrency) {
      // Envoy: each host may have one connection even when the cluster has too many, or it could never be reached.
      const first = this.#connections.size === 0 && this.#opening === 0;
      if (resources.connections.full && !first) return;
      this.#open();
    }
  }

  #open(): void {
    const { resources, open } = this.#options;
    this.#opening++;
    resources.connections.count++;
    open().then(
      (connection) => {
        this.#opening--;
        this.#adopt(connection);
      },
      (error) => {
        this.#opening--;
        resources.connections.count--;
        this.#failWaiting(error);
        this.#drainIfDone();
      },
    );
  }

  #adopt(connection: HttpClientConnection): void {
    const pooled: Pooled = {
      connection,
      served: 0,
      ready: false,
      servedAtCheck: 0,
      quietChecks: 0,
      lifetime: null,
    };
    this.#connections.add(pooled);
    if (this.#state === "closed") {
      this.#connections.delete(pooled);
      this.#options.resources.connections.count--;
      connection.close();
      return this.#reportEmpty();
    }
    connection.onChange = () => this.#changed(pooled);
    const { maxConnectionDurationMs, clock, learnConcurrency } = this.#options;
    if (learnConcurrency !== undefined) this.#expectedConcurrency = learnConcurrency(connection);
    if (maxConnectionDurationMs !== 0) {
      pooled.lifetime = clock.timer(maxConnectionDurationMs, () => connection.drain());
    }
    this.#startIdleCheck();
    this.#changed(pooled);
  }

  /** A connection is free again, drains, or is gone. */
  #changed(pooled: Pooled): void {
    const { connection } = pooled;
    if (connection.state !== "open") {
      this.#unready(pooled);
      if (connection.state === "closed" && this.#connections.delete(pooled)) {
        this.#options.resources.connections.count--;
        pooled.lifetime?.cancel();
        if (this.#connections.size === 0) this.#stopIdleCheck();
      }
      this.#openWhatIsNeeded();
      return this.#drainIfDone();
    }
    while (this.#waiting.length > 0 && this.#usable(connection)) {
      const next = this.#waiting.shift()!;
      if (this.#settle(next)) next.resolve(this.#sendOn(pooled, next.request, next.exchange));
    }
    if (this.#usable(connection) && !pooled.ready) {
      pooled.ready = true;
      this.#ready.push(pooled);
    }
    if (this.#waiting.length > 0) this.#openWhatIsNeeded();
    else this.#drainIfDone();
  }

  #unready(pooled: Pooled): void {
    if (!pooled.ready) return;
    pooled.ready = false;
    // Nearly always the last one: it was just used.
    const at = this.#ready.lastIndexOf(pooled);
    this.#ready.splice(at, 1);
  }

  #failWaiting(error: unknown): void {
    const failed = this.#waiting;
    this.#waiting = [];
    for (const waiting of failed) {
      if (!this.#settle(waiting)) continue;
      waiting.exchange.complete(error);
      waiting.reject(error);
    }
  }

  #drainIfDone(): void {
    if (this.#state === "draining" && this.#waiting.length === 0) {
      for (const { connection } of [...this.#connections]) connection.drain();
    }
    this.#reportEmpty();
  }

  #reportEmpty(): void {
    if (this.#state === "open" || this.#empty || this.#connections.size > 0 || this.#opening > 0) return;
    this.#empty = true;
    this.#options.onEmpty?.();
  }

  /**
   * Idle connections are found by looking now and then, not by a timer for each: four looks in a row without a request
   * are the idle timeout.
   */
  #startIdleCheck(): void {
    const { idleTimeoutMs, clock } = this.#options;
    if (idleTimeoutMs === 0 || this.#idleCheck !== null) return;
    this.#idleCheck = clock.timer(idleTimeoutMs / 4, () => {
      this.#idleCheck = null;
      for (const pooled of [...this.#connections]) this.#checkIdle(pooled);
      if (this.#connections.size > 0) this.#startIdleCheck();
    });
  }

  #checkIdle(pooled: Pooled): void {
    if (pooled.connection.active > 0 || pooled.served !== pooled.servedAtCheck) {
      pooled.servedAtCheck = pooled.served;
      pooled.quietChecks = 0;
    } else if (++pooled.quietChecks >= 4) {
      pooled.connection.drain();
    }
  }

  #stopIdleCheck(): void {
    this.#idleCheck?.cancel();
    this.#idleCheck = null;
  }
}
