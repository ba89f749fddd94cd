import { MeshError } from "../errors.ts";
import { CARRIER_ALPN, isCarrier } from "../http/carrier.ts";
import type { HttpClientConnection } from "../http/codec.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Cluster, TransportSocket } from "../resource/cluster.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { Connector, TransportFailure } from "../transport/connector.ts";
import { matchHostname } from "../transport/peer_rules.ts";
import type { StreamTls } from "../transport/stream_tls.ts";
import type { ClientTls } from "../transport/tls_options.ts";
import { ConnectError } from "./connect_error.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { isIpAddress } from "./dns_resolver.ts";
import type { UpstreamHost } from "./host.ts";
import type { HttpCodecs } from "./http_codecs.ts";
import type { ClusterResources } from "./resources.ts";
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

/**
 * The version spoken on a connection; `auto` is decided by ALPN. `upgrade` is HTTP/1.1 that becomes another protocol: only
 * HTTP/1.1 can, whatever cluster and peer prefer.
 */
type Protocol = "http1" | "http2" | "auto" | "upgrade";

/** What tells the connections of one pool from those of another. */
interface ConnectionKind {
  readonly protocol: Protocol;
  readonly alpn: readonly string[] | null;
  readonly hostname: string;
  readonly applicationTls: string | null;
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
   * @param alpn ALPN list instead of the TLS context's.
   * @param hostname Host name for automatic SNI; empty for none.
   * @param signal Gives up when aborted.
   * @throws {ConnectError} When it cannot be had.
   */
  async connect(
    cluster: Cluster,
    host: UpstreamHost,
    alpn: readonly string[] | null = null,
    hostname = "",
    signal: AbortSignal | null = null,
  ): Promise<ByteStream> {
    const { endpoint } = host;
    if (endpoint.internalListener !== null) {
      throw new ConnectError(
        "UPSTREAM_CONNECTION_FAILURE",
        `Cannot connect to '${host.key}' of '${cluster.name}': HBONE is not supported; ` +
          "set DISABLE_HBONE_SEND=true in the node's metadata",
        "local connection failure",
        "hbone_not_supported",
      );
    }
    let failure: TransportFailure | null = null;
    try {
      return await this.#deps.connector.connect({
        address: { hostname: endpoint.address, port: endpoint.port },
        tls: this.#tls(cluster, host, alpn, hostname),
        connectTimeoutMs: cluster.connectTimeoutMs,
        signal,
        onTransportFailure: (what) => failure = what,
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw connectError(host, failure, cause);
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
    const stream = await this.connect(cluster, host, alpn, "", signal);
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
    { alpnOverride, applicationTls }: UpstreamAttempt,
  ): ConnectionPool {
    const protocol = applicationTls === null ? protocolOf(cluster, request) : "http1";
    // An override would decide what `auto` leaves to the server.
    const alpn = alpnOverride === null || protocol === "auto"
      ? (protocol === "upgrade" ? UPGRADE_ALPN : null)
      : alpnOverride.get(protocol === "http2" ? "HTTP/2" : "HTTP/1.1") ?? null;
    const hostname = usesHostname(cluster, host.transport) ? request.authority : "";
    // Nearly always the pool of the request before: no key has to be built then.
    const last = host.lastPool;
    if (
      last !== null && last.protocol === protocol && last.alpn === alpn && last.hostname === hostname &&
      last.applicationTls === applicationTls
    ) {
      return last.pool;
    }
    const key = `${protocol} ${alpn === null ? "" : alpn.join()} ${hostname} ${applicationTls ?? ""}`;
    let pool = host.pools.get(key);
    if (pool === undefined) {
      pool = this.#newPool(cluster, resources, host, { protocol, alpn, hostname, applicationTls });
      host.pools.set(key, pool);
    }
    host.lastPool = { protocol, alpn, hostname, applicationTls, pool };
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
    { protocol, alpn, hostname, applicationTls }: ConnectionKind,
  ): Promise<HttpClientConnection> {
    const stream = await this.connect(cluster, host, alpn ?? (protocol === "auto" ? AUTO_ALPN : null), hostname);
    const { codecs } = this.#deps;
    if (applicationTls !== null) return codecs.http1(await this.#startTls(cluster, host, stream, applicationTls));
    const negotiated = stream.info.tls?.alpn ?? null;
    const http2 = protocol === "http2" || isCarrier(stream.info) ||
      (protocol === "auto" && (negotiated === "h2" || negotiated === "istio-h2"));
    return http2 ? codecs.http2(stream) : codecs.http1(stream);
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
      throw connectError(host, null, cause);
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

/**
 * Whether a connection may turn out to be the carrier: on the mesh's own mutual TLS only, where the peer is a workload
 * (its ALPN list names `istio`), and not for what HTTP/2 does not carry.
 */
function mayBeCarried(transport: TransportSocket, { protocol, alpn, applicationTls }: ConnectionKind): boolean {
  return (protocol === "http1" || protocol === "http2") && applicationTls === null && alpn !== null &&
    alpn.includes("istio") &&
    transport.kind === "tls" && transport.context.certificates.length > 0;
}

/** Offered for an upgrade where no filter says what to offer: the list of the TLS context may hold HTTP/2. */
const UPGRADE_ALPN: readonly string[] = ["http/1.1"];

function protocolOf(cluster: Cluster, request: HttpRequest): Protocol {
  if (request.upgrade !== undefined) return "upgrade";
  const { protocol } = cluster.http;
  return protocol === "downstream" ? (request.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
}

/** Whether connections for different host names must not be shared. */
function usesHostname({ http }: Cluster, transport: TransportSocket): boolean {
  return transport.kind === "tls" &&
    (http.autoSni || http.autoSanValidation || transport.context.autoSni || transport.context.autoSanValidation);
}

function connectError(host: UpstreamHost, failure: TransportFailure | null, cause: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const refused = cause instanceof MeshError && cause.code === "PEER_NOT_VERIFIED";
  const message = cause instanceof Error ? cause.message : `Cannot connect to '${host.key}'`;
  return new ConnectError(
    refused ? "PEER_NOT_VERIFIED" : "UPSTREAM_CONNECTION_FAILURE",
    message,
    failure?.kind === "timeout" ? "connection timeout" : "remote connection failure",
    failure === null ? null : failureText(failure),
    cause,
  );
}

/** System errors in the words of the C library, which Envoy writes. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
};

/** What Envoy would write, in its form: words joined by underscores, TLS failures marked as such. */
function failureText(failure: TransportFailure): string | null {
  if (failure.kind === "timeout") return null;
  const code = /\bE[A-Z]{3,}\b/.exec(failure.reason)?.[0] ?? "";
  const reason = (SYSTEM_ERRORS[code] ?? failure.reason).replaceAll(/\s+/g, "_");
  return failure.kind === "connect" ? `delayed_connect_error:_${reason}` : `TLS_error:_${reason}`;
}
