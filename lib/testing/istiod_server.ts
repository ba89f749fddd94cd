import type { HttpServerConnection, HttpServerHandler } from "../http/codec.ts";
import { serveHttp2 } from "../http/http2/server_connection.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { SocketAddress } from "../internal/socket_address.ts";
import { type Acceptor, listen } from "../transport/acceptor.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { HandleRegistry } from "../transport/handle_registry.ts";
import { acceptAnyPeer } from "../transport/peer_rules.ts";
import type { RawConnection } from "../transport/raw_connection.ts";
import type { TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import type { Faults } from "./faults.ts";

/** What {@linkcode IstiodServer} works with. */
export interface IstiodServerOptions {
  readonly handler: HttpServerHandler;
  readonly faults: Faults;
  readonly registry: HandleRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The certificate to show the next client. */
  certificate(): TlsCertificate;
  /** The roots of client certificates, as they are now. */
  trust(): TrustBundle;
}

interface Connection {
  readonly stream: ByteStream;
  readonly http: HttpServerConnection;
}

/**
 * istiod's port: TLS with an optional client certificate, HTTP/2.
 *
 * States: *stopped* -> `listen()` -> *listening* -> `stop()` -> *stopped*.
 */
export class IstiodServer {
  readonly #options: IstiodServerOptions;
  readonly #connections = new Set<Connection>();
  /** Connections whose handshake is under way: they must not outlive the server. */
  readonly #handshakes = new Set<RawConnection>();
  #acceptor: Acceptor | null = null;

  /** @param options What it works with. */
  constructor(options: IstiodServerOptions) {
    this.#options = options;
  }

  /** Starts listening. @throws {MeshError} When the address cannot be bound. */
  async listen(address: SocketAddress): Promise<SocketAddress> {
    const { registry, clock, logger } = this.#options;
    this.#acceptor = await listen(address, (connection) => void this.#accept(connection), { registry, clock, logger });
    return this.#acceptor.addr;
  }

  /** Tells every client to go (GOAWAY), as istiod does when a connection has lived long enough. */
  goAway(): void {
    for (const { http } of this.#connections) http.drain();
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const { stream } of this.#connections) stream.destroy();
    for (const connection of this.#handshakes) connection.destroy();
  }

  /** Stops listening and cuts what is open. */
  async stop(): Promise<void> {
    await this.#acceptor?.close();
    this.#acceptor = null;
    const closed = [...this.#connections].map(({ http }) => http.closed);
    this.cut();
    await Promise.all(closed);
  }

  async #accept(connection: RawConnection): Promise<void> {
    const { faults, certificate, trust, handler, clock, logger } = this.#options;
    if (faults.refuseConnections) return connection.destroy();
    this.#handshakes.add(connection);
    let stream: ByteStream;
    try {
      stream = await connection.startTls({
        certificate: certificate(),
        trust: trust(),
        requireClientCertificate: false,
        acceptSans: acceptAnyPeer,
        alpn: ["h2"],
      });
    } catch {
      // The acceptor has logged why; the client sees its handshake fail.
      return;
    } finally {
      this.#handshakes.delete(connection);
    }
    if (this.#acceptor === null) return stream.destroy();
    const http = serveHttp2(stream, handler, { clock, logger });
    const open = { stream, http };
    this.#connections.add(open);
    await http.closed;
    this.#connections.delete(open);
  }
}
