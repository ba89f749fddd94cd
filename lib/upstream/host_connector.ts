import { CARRIER_ALPN, isCarrier } from "../http/carrier.ts";
import type { HttpClientConnection } from "../http/codec.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { Connector, TransportFailure } from "../transport/connector.ts";
import { matchHostname } from "../transport/peer_rules.ts";
import type { StreamTls } from "../transport/stream_tls.ts";
import type { ClientTls } from "../transport/tls_options.ts";
import { ConnectError } from "./connect_error.ts";
import { connectFailure } from "./connect_failure.ts";
import { type ConnectionKind, isKind, kindKey, mayBeCarried, protocolOf, usesHostname } from "./connection_kind.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { isIpAddress } from "./dns_resolver.ts";
import type { UpstreamHost } from "./host.ts";
import type { HttpCodecs } from "./http_codecs.ts";
import { writeProxyHeader } from "./proxy_header.ts";
import type { ClusterResources } from "./resources.ts";
import { socketOptions } from "./socket_options.ts";
import type { ClientTlsFactory } from "./transport_socket.ts";
import type { UpstreamAttempt } from "./upstream_attempt.ts";

/** Streams a fresh HTTP/2 connection is expected to carry, before its settings are known (Envoy's assumption). */
const EXPECTED_STREAMS = 1024;

/** What a {@linkcode HostConnector} works with. */
export interface HostConnectorDeps {
  connector: Connector;
  streamTls: Pick<StreamTls, "start">;
  tls: ClientTlsFactory;
  codecs: HttpCodecs;
  clock: Clock;
  /** Whether HTTP/1.1 between enmesh peers travels over HTTP/2. */
  multiplex: boolean;
}

/** What a connection differs in from the cluster's others. */
export interface HostConnectOptions {
  /** ALPN list instead of the TLS context's. @default {the context's} */
  alpn?: readonly string[] | null;
  /** Host name for automatic SNI; empty for none. @default {""} */
  hostname?: string;
  /**
   * Where the caller wanted to go (`ip:port`), for a PROXY header; empty for the endpoint, `null` where nobody calls
   * (health checks).
   * @default {""}
   */
  proxied?: string | null;
  /** Gives up when aborted. @default {null} */
  signal?: AbortSignal | null;
}

/**
 * Sends requests to a chosen host: finds (or makes) the pool of the right transport and protocol, and opens connections
 * for it.
 */
export class HostConnector {
  readonly #deps: HostConnectorDeps;
  /** Every pool with connections, those of hosts that are gone and still finish their requests among them. */
  readonly #pools = new Set<ConnectionPool>();

  /** @param deps Connector, TLS, codecs. */
  constructor(deps: HostConnectorDeps) {
    this.#deps = deps;
  }

  /** Sends a request to a host through its pool. */
  send(
    cluster: Cluster,
    resources: ClusterResources,
    host: UpstreamHost,
    request: HttpRequest,
    attempt: UpstreamAttempt,
  ): Promise<HttpResponse> {
    return this.#pool(cluster, resources, host, request, attempt).send(request, attempt.exchange);
  }

  /**
   * Opens a connection to a host for bytes of any protocol (TCP).
   *
   * @throws {ConnectError} When it cannot be had.
   */
  async connect(cluster: Cluster, host: UpstreamHost, options: HostConnectOptions = {}): Promise<ByteStream> {
    const { alpn = null, hostname = "", proxied = "", signal = null } = options;
    const { endpoint, transport } = host;
    if (endpoint.internalListener !== null) {
      throw new ConnectError(
        "UPSTREAM_CONNECTION_FAILURE",
        `Cannot connect to '${host.key}' of '${cluster.name}': HBONE is not supported; ` +
          "set DISABLE_HBONE_SEND=true in the node's metadata",
        "local connection failure",
        "hbone_not_supported",
      );
    }
    const secrets = transport.kind === "tls" ? this.#deps.tls.ready(transport.context) : null;
    if (secrets !== null) await secrets;
    let failure: TransportFailure | null = null;
    try {
      const tls = this.#tls(cluster, host, alpn, hostname);
      const { proxyProtocol } = transport;
      const connect = (tls: ClientTls | null) =>
        this.#deps.connector.connect({
          address: { hostname: endpoint.address, port: endpoint.port },
          tls,
          connectTimeoutMs: cluster.connectTimeoutMs,
          signal,
          ...socketOptions(cluster, endpoint.address),
          onTransportFailure: (what) => failure = what,
        });
      if (proxyProtocol === undefined) return await connect(tls);
      const stream = await connect(null);
      writeProxyHeader(stream, proxyProtocol, proxied);
      if (tls === null) return stream;
      return await this.#deps.streamTls.start(stream, tls, {
        timeoutMs: cluster.connectTimeoutMs,
        signal,
        onTransportFailure: (what) => failure = what,
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw connectFailure(host.key, failure, cause);
    }
  }

  /**
   * Opens an HTTP connection of one version that belongs to no pool: for health checks, which are no traffic.
   *
   * @throws {ConnectError} When it cannot be had.
   */
  async openBesidePools(
    cluster: Cluster,
    host: UpstreamHost,
    protocol: "http1" | "http2",
    alpn: readonly string[] | null,
    signal: AbortSignal,
  ): Promise<HttpClientConnection> {
    const stream = await this.connect(cluster, host, { alpn, proxied: null, signal });
    const { codecs } = this.#deps;
    return protocol === "http2" ? codecs.http2(stream) : codecs.http1(stream);
  }

  /** Closes every connection of every pool at once. */
  close(): void {
    for (const pool of [...this.#pools]) pool.close();
  }

  #pool(
    cluster: Cluster,
    resources: ClusterResources,
    host: UpstreamHost,
    request: HttpRequest,
    { alpnOverride, applicationTls, highPriority, downstreamAddress }: UpstreamAttempt,
  ): ConnectionPool {
    const protocol = applicationTls === null ? protocolOf(cluster, request) : "http1";
    const { transport, lastPool } = host;
    // An override would decide what `auto` leaves to the server.
    const alpn = alpnOverride === null || protocol === "auto"
      ? (protocol === "upgrade" ? UPGRADE_ALPN : null)
      : alpnOverride.get(protocol === "http2" ? "HTTP/2" : "HTTP/1.1") ?? null;
    const hostname = usesHostname(cluster, transport) ? request.authority : "";
    const proxied = transport.proxyProtocol === undefined ? "" : downstreamAddress ?? "";
    // Nearly always the pool of the request before: no key has to be built then.
    if (
      lastPool !== null && isKind(lastPool.kind, protocol, alpn, hostname, applicationTls, proxied, highPriority)
    ) {
      return lastPool.pool;
    }
    const kind: ConnectionKind = { protocol, alpn, hostname, applicationTls, proxied, highPriority };
    const key = kindKey(kind);
    let pool = host.pools.get(key);
    if (pool === undefined) {
      pool = this.#newPool(cluster, resources, host, kind);
      host.pools.set(key, pool);
    }
    host.lastPool = { kind, pool };
    return pool;
  }

  #newPool(
    cluster: Cluster,
    resources: ClusterResources,
    host: UpstreamHost,
    kind: ConnectionKind,
  ): ConnectionPool {
    const { http } = cluster;
    const carried = this.#deps.multiplex && mayBeCarried(host.transport, kind);
    const manyAtOnce = http.maxConcurrentStreams || EXPECTED_STREAMS;
    const pool: ConnectionPool = new ConnectionPool({
      open: () => this.#openHttp(cluster, host, carried ? { ...kind, alpn: [CARRIER_ALPN, ...kind.alpn!] } : kind),
      resources,
      clock: this.#deps.clock,
      // Whether a peer is one of ours shows with the first connection, so there is only one at first.
      expectedConcurrency: carried || kind.protocol === "http2" ? manyAtOnce : 1,
      learnConcurrency: ({ protocol }) => protocol === "HTTP/2" ? manyAtOnce : 1,
      maxConcurrentStreams: http.maxConcurrentStreams,
      maxRequestsPerConnection: http.maxRequestsPerConnection,
      idleTimeoutMs: http.idleTimeoutMs,
      maxConnectionDurationMs: http.maxConnectionDurationMs,
      onEmpty: () => this.#pools.delete(pool),
    });
    this.#pools.add(pool);
    return pool;
  }

  async #openHttp(
    cluster: Cluster,
    host: UpstreamHost,
    { protocol, alpn, hostname, applicationTls, proxied }: ConnectionKind,
  ): Promise<HttpClientConnection> {
    const stream = await this.connect(cluster, host, {
      alpn: alpn ?? (protocol === "auto" ? AUTO_ALPN : null),
      hostname,
      proxied,
    });
    const { codecs } = this.#deps;
    if (applicationTls !== null) return codecs.http1(await this.#startTls(cluster, host, stream, applicationTls));
    const negotiated = stream.info.tls?.alpn ?? null;
    const http2 = protocol === "http2" || isCarrier(stream.info) ||
      (protocol === "auto" && (negotiated === "h2" || negotiated === "istio-h2"));
    return http2 ? codecs.http2(stream, cluster.http.http2Keepalive ?? null) : codecs.http1(stream);
  }

  /** The application's TLS, as its own `fetch` would speak it: public roots, no certificate. */
  async #startTls(cluster: Cluster, host: UpstreamHost, inner: ByteStream, hostname: string): Promise<ByteStream> {
    const tls: ClientTls = {
      certificate: null,
      trust: "system",
      acceptSans: matchHostname(hostname),
      alpn: ["http/1.1"],
      sni: isIpAddress(hostname) ? "" : hostname,
    };
    try {
      return await this.#deps.streamTls.start(inner, tls, { timeoutMs: cluster.connectTimeoutMs });
    } catch (cause) {
      throw connectFailure(host.key, null, cause);
    }
  }

  #tls(cluster: Cluster, host: UpstreamHost, alpn: readonly string[] | null, hostname: string): ClientTls | null {
    const { transport } = host;
    switch (transport.kind) {
      case "plaintext":
        return null;
      case "tls":
        return this.#deps.tls.create(transport.context, {
          alpn,
          hostname,
          endpointHostname: host.endpoint.hostname,
          // Without a request (TCP) there is no host to take them from.
          autoSni: cluster.http.autoSni && hostname !== "",
          autoSanValidation: cluster.http.autoSanValidation && hostname !== "",
        });
      case "unsupported":
        throw new ConnectError(
          "UPSTREAM_CONNECTION_FAILURE",
          `Cannot connect to '${host.key}' of '${cluster.name}': its transport socket '${transport.what}' is not supported`,
          "local connection failure",
          "transport_socket_not_supported",
        );
    }
  }
}

/** Offered where the version is left to the server. */
const AUTO_ALPN: readonly string[] = ["h2", "http/1.1"];

/** Offered for an upgrade where no filter says what to offer: the list of the TLS context may hold HTTP/2. */
const UPGRADE_ALPN: readonly string[] = ["http/1.1"];
