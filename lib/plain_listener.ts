import type { HttpServerConnection, HttpServerHandler } from "./http/codec.ts";
import { serveHttp1 } from "./http/http1/server_connection.ts";
import { serveHttp2 } from "./http/http2/server_connection.ts";
import { sniffHttpVersion } from "./http/sniff_http_version.ts";
import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import { type Acceptor, listen } from "./transport/acceptor.ts";
import { HandleRegistry } from "./transport/handle_registry.ts";
import type { RawConnection } from "./transport/raw_connection.ts";

/** What {@linkcode PlainListener} works with. */
export interface PlainListenerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Answers requests, of HTTP/1 as well as of HTTP/2. */
  readonly handler: HttpServerHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once, before the first connection is told to go. */
  readonly onDrain?: () => void;
}

/** A listening port without a mesh: plaintext, HTTP/1 and HTTP/2 (by prior knowledge), callers unknown. */
export class PlainListener {
  readonly #options: PlainListenerOptions;
  readonly #registry = new HandleRegistry();
  readonly #undecided = new Set<RawConnection>();
  readonly #served = new Set<HttpServerConnection>();
  readonly #finished = Promise.withResolvers<void>();
  #acceptor!: Acceptor;
  #draining = false;

  private constructor(options: PlainListenerOptions) {
    this.#options = options;
  }

  /** Binds the port. @throws {MeshError} `CONFIG_INVALID` when it cannot be bound, `PERMISSION_MISSING`. */
  static async start(options: PlainListenerOptions): Promise<PlainListener> {
    const listener = new PlainListener(options);
    const { hostname, port, clock, logger } = options;
    listener.#acceptor = await listen(
      { hostname, port },
      (raw) => void listener.#accept(raw),
      { registry: listener.#registry, clock, logger },
    );
    return listener;
  }

  /** The bound address. */
  get addr(): { hostname: string; port: number } {
    return this.#acceptor.addr;
  }

  /** Settles when the server is down and every connection has ended. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Takes no new connections and settles when those under way have finished. */
  async drain(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      this.#options.onDrain?.();
      await this.#acceptor.close();
      for (const raw of this.#undecided) raw.destroy();
      for (const connection of this.#served) connection.drain();
      void this.#registry.idle().then(() => this.#finished.resolve());
    }
    await this.#finished.promise;
  }

  /** Ends every connection at once. */
  close(): Promise<void> {
    const drained = this.drain();
    for (const connection of this.#served) connection.close();
    return drained;
  }

  ref(): void {
    this.#acceptor.ref();
  }

  unref(): void {
    this.#acceptor.unref();
  }

  async #accept(raw: RawConnection): Promise<void> {
    if (this.#draining) return raw.destroy();
    const { handler, clock, logger } = this.#options;
    this.#undecided.add(raw);
    const sniffed = await sniffHttpVersion(raw.plaintext(), { clock });
    this.#undecided.delete(raw);
    if (sniffed === null) return;
    const serve = sniffed.version === "HTTP/2" ? serveHttp2 : serveHttp1;
    const connection = serve(sniffed.stream, handler, { clock, logger });
    this.#served.add(connection);
    if (this.#draining) connection.drain();
    void connection.closed.then(() => this.#served.delete(connection));
  }
}
