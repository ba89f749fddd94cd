/**
 * One listening port: from an accepted connection to its HTTP codec. Which filter chain a connection gets, and with it
 * TLS and policies, is decided by the newest configuration at the moment it is accepted.
 *
 * @module
 */
import { currentNetworkFilter } from "./filter/discovered_filter.ts";
import { type CompiledFilterChains, compileFilterChains, selectFilterChain } from "./filter/filter_chain_match.ts";
import { CARRIER_ALPN } from "./http/carrier.ts";
import type { HttpServerConnection } from "./http/codec.ts";
import type { Http1Limits } from "./http/http1/limits.ts";
import { serveHttp1 } from "./http/http1/server_connection.ts";
import type { Http2Limits } from "./http/http2/limits.ts";
import { serveHttp2 } from "./http/http2/server_connection.ts";
import { type SniffedStream, sniffHttpVersion } from "./http/sniff_http_version.ts";
import {
  type Application,
  bareInboundStack,
  inboundHandler,
  inboundStack,
  type InboundStackOptions,
} from "./inbound.ts";
import type { Clock, Timer } from "./internal/clock.ts";
import type { HttpConnectionManager } from "./resource/http_connection_manager.ts";
import type { FilterChain, Listener } from "./resource/listener.ts";
import { type Acceptor, listen } from "./transport/acceptor.ts";
import type { Detection } from "./transport/protocol_detection.ts";
import type { RawConnection } from "./transport/raw_connection.ts";
import type { ByteStream } from "./transport/byte_stream.ts";
import type { HandleRegistry } from "./transport/handle_registry.ts";
import type { CountRefusal } from "./transport/refusal_counter.ts";
import type { ServerTlsFactory } from "./transport/server_tls.ts";

/** What a listening port needs. */
export interface InboundServerOptions extends InboundStackOptions {
  readonly hostname: string;
  readonly port: number;
  /** Selects the filter chain; `null` is the bound port. */
  readonly meshPort: number | null;
  readonly application: Application;
  /** Called once, before the first connection is told to go: what would never end by itself is told to. */
  readonly onDrain?: () => void;
  readonly tls: ServerTlsFactory;
  /** Whether HTTP/1.1 of other enmesh peers may arrive over HTTP/2. */
  readonly multiplex: boolean;
  /** Counts clients that were refused. */
  readonly onTransportFailure: CountRefusal;
  readonly registry: HandleRegistry;
}

/** How long connections to a filter chain that is gone may stay idle: Istio's `drainDuration`. */
const STALE_CHAIN_DRAIN_MS = 45_000;

interface Served {
  readonly connection: HttpServerConnection;
  readonly chain: FilterChain;
}

/** A listening port of `mesh.serve`. */
export class InboundServer {
  readonly #options: InboundServerOptions;
  readonly #served = new Set<Served>();
  /** Connections that were accepted and whose protocol is not known yet. */
  readonly #undecided = new Set<RawConnection>();
  readonly #stacks = new WeakMap<FilterChain, Application>();
  readonly #acceptor: Acceptor;
  readonly #unsubscribe: () => void;
  #compiled: { listener: Listener; chains: CompiledFilterChains } | null = null;
  /** Timers that end retired connections. */
  readonly #retirements = new Set<Timer>();
  #draining = false;
  readonly #idle = Promise.withResolvers<void>();

  private constructor(options: InboundServerOptions, acceptor: Acceptor) {
    this.#options = options;
    this.#acceptor = acceptor;
    this.#unsubscribe = options.snapshots.subscribe((_, change) => {
      if (change.listeners.size > 0) this.#retireStaleChains();
    });
  }

  /** Binds the port. @throws {Error} When it cannot be bound. */
  static async start(options: InboundServerOptions): Promise<InboundServer> {
    const { hostname, port, registry, context } = options;
    const accept: { connection: (raw: RawConnection) => void } = { connection: (raw) => raw.destroy() };
    const acceptor = await listen(
      { hostname, port },
      (raw) => accept.connection(raw),
      { registry, logger: context.logger, clock: context.clock, onTransportFailure: options.onTransportFailure },
    );
    const server = new InboundServer(options, acceptor);
    accept.connection = (raw) => void server.#accept(raw);
    if (!server.#isNamedPort()) {
      context.logger.log(
        "warning",
        `Port '${server.#meshPort}' belongs to no Service of the mesh: the passthrough chains apply, and callers reach ` +
          `it by address only; add it to a Service or set meshPort to the Service's target port`,
      );
    }
    return server;
  }

  /** The bound address. */
  get addr(): { hostname: string; port: number } {
    return this.#acceptor.addr;
  }

  /** Settles when the server is down and every connection has ended. */
  get finished(): Promise<void> {
    return this.#idle.promise;
  }

  /** Takes no new connections and settles when those under way have finished. */
  async drain(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      this.#options.onDrain?.();
      this.#unsubscribe();
      for (const timer of this.#retirements) timer.cancel();
      this.#retirements.clear();
      await this.#acceptor.close();
      for (const raw of this.#undecided) raw.destroy();
      for (const { connection } of this.#served) connection.drain();
      this.#settleWhenIdle();
    }
    await this.#idle.promise;
  }

  /** Ends every connection at once. */
  close(): Promise<void> {
    const drained = this.drain();
    for (const { connection } of this.#served) connection.close();
    return drained;
  }

  ref(): void {
    this.#acceptor.ref();
  }

  unref(): void {
    this.#acceptor.unref();
  }

  get #meshPort(): number {
    return this.#options.meshPort ?? this.addr.port;
  }

  #isNamedPort(): boolean {
    const listener = this.#options.snapshots.current.virtualInbound;
    return listener?.filterChains.some((chain) => chain.match.destinationPort === this.#meshPort) ?? false;
  }

  #chains(): { listener: Listener; chains: CompiledFilterChains } | null {
    const listener = this.#options.snapshots.current.virtualInbound;
    if (listener === null) return null;
    if (this.#compiled?.listener !== listener) this.#compiled = { listener, chains: compileFilterChains(listener) };
    return this.#compiled;
  }

  async #accept(raw: RawConnection): Promise<void> {
    const compiled = this.#chains();
    if (compiled === null || this.#draining) return raw.destroy();
    this.#undecided.add(raw);
    try {
      const detection = await raw.detect(compiled.listener.listenerFiltersTimeoutMs);
      if (detection.kind === "closed" || this.#draining) return raw.destroy();
      const chain = this.#select(raw, detection, compiled.chains);
      if (chain === null) {
        this.#options.onTransportFailure({ kind: "no_filter_chain" });
        this.#refuse(raw, `no filter chain matches ${describe(detection)} (NR)`);
        return;
      }
      const stream = await this.#open(raw, chain);
      if (stream !== null) await this.#serve(stream, chain, detection);
    } catch (error) {
      // One connection's failure is that connection's alone.
      this.#refuse(raw, error instanceof Error ? error.message : String(error));
    } finally {
      this.#undecided.delete(raw);
    }
  }

  #select(raw: RawConnection, detection: Detection, chains: CompiledFilterChains): FilterChain | null {
    const tls = detection.kind === "tls";
    return selectFilterChain(chains, {
      destination: { hostname: raw.local.hostname, port: this.#meshPort },
      serverName: tls ? detection.sni ?? "" : "",
      transportProtocol: tls ? "tls" : "raw_buffer",
      applicationProtocols: tls ? detection.alpn : detection.kind === "http" ? [detection.protocol] : [],
      source: raw.remote,
    });
  }

  /** TLS or plaintext, as the chain says; never plaintext where the chain has TLS. */
  #open(raw: RawConnection, chain: FilterChain): Promise<ByteStream | null> {
    if (chain.tls === null) return Promise.resolve(raw.plaintext());
    const result = this.#options.tls.create(chain.tls, chain.transportSocketConnectTimeoutMs);
    if (result.ok) {
      const { tls } = result;
      const multiplex = this.#options.multiplex && tls.requireClientCertificate;
      return raw.startTls(multiplex ? { ...tls, alpn: [CARRIER_ALPN, ...tls.alpn] } : tls);
    }
    this.#options.onTransportFailure({ kind: "no_secret" });
    this.#refuse(raw, result.reason);
    return Promise.resolve(null);
  }

  async #serve(stream: ByteStream, chain: FilterChain, detection: Detection): Promise<void> {
    const { extension } = this.#options.context;
    const unsupported = chain.filters.map((filter) => currentNetworkFilter(filter, extension))
      .find((filter) => filter.kind === "unsupported");
    if (unsupported !== undefined) {
      stream.destroy();
      this.#log("warning", `the chain '${chain.name}' requires the unsupported filter '${unsupported.name}'`, stream);
      return;
    }
    const { clock, logger } = this.#options.context;
    const manager = managerOf(chain);
    const sniffed = await httpVersion(stream, detection, clock);
    if (sniffed === null) return stream.destroy();
    const handler = inboundHandler(this.#stackOf(chain, manager), stream.info, this.#options);
    const connection = sniffed.version === "HTTP/2"
      ? serveHttp2(sniffed.stream, handler, { clock, logger, limits: http2LimitsOf(manager) })
      : serveHttp1(sniffed.stream, handler, { clock, logger, limits: http1LimitsOf(manager) });
    const served = { connection, chain };
    this.#served.add(served);
    if (this.#draining) connection.drain();
    void connection.closed.then(() => {
      this.#served.delete(served);
      this.#settleWhenIdle();
    });
  }

  #stackOf(chain: FilterChain, manager: HttpConnectionManager | null): Application {
    let stack = this.#stacks.get(chain);
    if (stack === undefined) {
      const { application } = this.#options;
      stack = manager === null
        ? bareInboundStack(application, this.#options)
        : inboundStack(manager, application, this.#options);
      this.#stacks.set(chain, stack);
    }
    return stack;
  }

  /**
   * Connections of chains that are gone or changed are asked to go; the newest mode applies from then on. Like Envoy, none
   * that looks idle is closed at once, for a request may be on its way to it: it goes with its next answer or in the end.
   */
  #retireStaleChains(): void {
    const listener = this.#options.snapshots.current.virtualInbound;
    const live = new Set(listener?.filterChains.map((chain) => chain.fingerprint));
    if (listener?.defaultFilterChain) live.add(listener.defaultFilterChain.fingerprint);
    const stale = [...this.#served].filter(({ chain }) => !live.has(chain.fingerprint));
    if (stale.length === 0) return;
    const { context: { clock, logger }, registry } = this.#options;
    logger.log("debug", `Retiring '${stale.length}' connections: their filter chain was replaced`);
    for (const { connection } of stale) connection.retire();
    const timer = registry.timer(clock, STALE_CHAIN_DRAIN_MS, () => {
      this.#retirements.delete(timer);
      for (const { connection } of stale) connection.drain();
    });
    this.#retirements.add(timer);
  }

  #refuse(raw: RawConnection, reason: string): void {
    raw.destroy();
    const from = `${raw.remote.hostname}:${raw.remote.port}`;
    this.#options.context.logger.log(
      "info",
      `Refused a connection from '${from}' to port '${this.#meshPort}': ${reason}`,
    );
  }

  #log(level: "warning", reason: string, stream: ByteStream): void {
    const from = `${stream.info.remote.hostname}:${stream.info.remote.port}`;
    this.#options.context.logger.log(level, `Refused a connection from '${from}': ${reason}`);
  }

  #settleWhenIdle(): void {
    if (this.#draining && this.#served.size === 0) this.#idle.resolve();
  }
}

function managerOf(chain: FilterChain): HttpConnectionManager | null {
  for (const filter of chain.filters) if (filter.kind === "http_connection_manager") return filter.config;
  return null;
}

/** A timer of the system holds at most 24.8 days: that long is "never". */
const NEVER_MS = 0x7fffffff;

/** What the connection manager bounds, in the names of the HTTP/1 codec. */
function http1LimitsOf(manager: HttpConnectionManager | null): Partial<Http1Limits> {
  if (manager === null) return {};
  return {
    maxHeadBytes: manager.maxRequestHeadersKb * 1024,
    maxFields: manager.maxHeadersCount,
    idleTimeoutMs: manager.idleTimeoutMs || NEVER_MS,
    ...(manager.requestHeadersTimeoutMs === 0 ? {} : { headTimeoutMs: manager.requestHeadersTimeoutMs }),
  };
}

/** What the connection manager bounds, in the names of the HTTP/2 codec. */
function http2LimitsOf(manager: HttpConnectionManager | null): Partial<Http2Limits> {
  if (manager === null) return {};
  return { maxHeaderListBytes: manager.maxRequestHeadersKb * 1024, maxHeaderFields: manager.maxHeadersCount };
}

/** HTTP version of a connection: by ALPN, else by its first bytes. `null` when it ended before. */
function httpVersion(stream: ByteStream, detection: Detection, clock: Clock): Promise<SniffedStream | null> {
  const alpn = stream.info.tls?.alpn ?? null;
  if (alpn !== null) {
    return Promise.resolve({ version: alpn === "h2" || alpn === CARRIER_ALPN ? "HTTP/2" : "HTTP/1.1", stream });
  }
  if (detection.kind === "http") {
    return Promise.resolve({ version: detection.protocol === "h2c" ? "HTTP/2" : "HTTP/1.1", stream });
  }
  return sniffHttpVersion(stream, { clock });
}

function describe(detection: Detection): string {
  switch (detection.kind) {
    case "tls":
      return `TLS with server name '${detection.sni ?? ""}' and ALPN '${detection.alpn.join(",")}'`;
    case "http":
      return `plaintext '${detection.protocol}'`;
    default:
      return "plaintext of an unknown protocol";
  }
}
