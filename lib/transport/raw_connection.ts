import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Clock, Timer } from "../internal/clock.ts";
import type { SocketAddress } from "../internal/socket_address.ts";
import type { ByteStream } from "./byte_stream.ts";
import { addressesOf } from "./connection_info.ts";
import { type HandleRegistry, trackSocket } from "./handle_registry.ts";
import { type Detection, detectProtocol, MAX_DETECTION_BYTES } from "./protocol_detection.ts";
import { acceptTls, type TlsAcceptance } from "./server_handshake.ts";
import { SocketStream } from "./socket_stream.ts";
import type { ServerTls } from "./tls_options.ts";

/** Settings of {@linkcode RawConnection}. */
export interface RawConnectionOptions {
  registry: HandleRegistry;
  clock: Clock;
  acceptance: TlsAcceptance;
  /** Milliseconds after which a connection that has sent nothing that decides is closed. */
  idleLimitMs: number;
}

/** Pieces after which a connection that drips its first bytes is taken as raw: looking at them again costs time. */
const MAX_PIECES = 2048;
const CLOSED: Detection = { kind: "closed" };

/**
 * An inbound connection of which nothing is decided yet.
 *
 * States: *fresh* (nothing is read) -> *detecting* -> *decided* -> *taken* by `plaintext()` or `startTls()`; from each
 * of them *closed*. Bytes read while detecting are the first the taker sees.
 */
export class RawConnection {
  /** Unique within the registry. */
  readonly id: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #socket: Socket;
  readonly #options: RawConnectionOptions;
  #pieces: Uint8Array[] = [];
  #decision: Detection | null = null;
  #waiting: ((detection: Detection) => void) | null = null;
  #limit: Timer | null = null;
  #idle: Timer | null = null;
  #reads = 0;
  #endReceived = false;
  #taken = false;
  readonly #onData = (chunk: Uint8Array): void => this.#receive(chunk);
  readonly #onEnd = (): void => this.#receiveEnd();
  readonly #onGone = (): void => this.#gone();

  /** @param socket Just accepted, paused. @param options What it works with. */
  constructor(socket: Socket, options: RawConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    trackSocket(options.registry, socket);
    this.id = options.registry.nextId();
    const { local, remote } = addressesOf(socket);
    this.local = local;
    this.remote = remote;
    // Stays for the life of the socket: an error without listener ends the process. "close" follows and decides.
    socket.on("error", () => {});
    socket.once("close", this.#onGone);
    this.#idle = options.registry.timer(options.clock, options.idleLimitMs, () => {
      this.#gone();
      this.destroy();
    });
  }

  /**
   * Decides what the peer speaks, as soon as its first bytes allow. A peer that stays silent is decided as `timeout`
   * after the limit; with a limit of 0 only bytes decide, and the acceptor's idle limit closes the connection.
   *
   * @param limitMs `listener_filters_timeout` in milliseconds; 0 for none.
   */
  detect(limitMs: number): Promise<Detection> {
    if (this.#decision !== null) return Promise.resolve(this.#decision);
    if (this.#socket.destroyed) return Promise.resolve(CLOSED);
    if (this.#taken || this.#waiting !== null) throw new TypeError("Cannot detect the protocol twice at once");
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (limitMs > 0) {
        const { registry, clock } = this.#options;
        this.#limit = registry.timer(clock, limitMs, () => this.#decide({ kind: "timeout" }));
      }
      this.#socket.on("data", this.#onData);
      this.#socket.once("end", this.#onEnd);
      this.#socket.resume();
    });
  }

  /** The connection as it is. Bytes read while detecting are delivered first. */
  plaintext(): ByteStream {
    this.#take();
    const info = { id: this.id, local: this.local, remote: this.remote, tls: null };
    const prefix = this.#pieces.length === 0 ? null : this.#bytes();
    this.#pieces = [];
    return new SocketStream({ socket: this.#socket, info, prefix, endReceived: this.#endReceived });
  }

  /**
   * Speaks TLS as the server. ALPN is the intersection of what is offered on both sides, or none: the runtime would end
   * a handshake without a common protocol, Envoy goes on.
   *
   * @throws {MeshError} `PEER_NOT_VERIFIED` when the client is refused, `DOWNSTREAM_PROTOCOL_ERROR` when the handshake
   * fails or takes too long. The connection is closed then, the acceptor has logged and counted it.
   */
  async startTls(options: ServerTls): Promise<ByteStream> {
    const { clock, registry, acceptance } = this.#options;
    const started = clock.monotonic();
    const limitMs = options.handshakeTimeoutMs ?? 10_000;
    const detection = this.#decision ?? await this.detect(limitMs);
    if (detection.kind !== "tls") {
      this.destroy();
      throw acceptance.refuse(this.remote, "handshake", NOT_TLS[detection.kind]);
    }
    this.#take();
    if (this.#socket.destroyed) throw acceptance.refuse(this.remote, "handshake", NOT_TLS.closed);
    if (this.#pieces.length > 0) this.#socket.unshift(this.#bytes());
    this.#pieces = [];
    const remaining = Math.max(1, limitMs - (clock.monotonic() - started));
    return acceptTls(this.#socket, {
      id: this.id,
      local: this.local,
      remote: this.remote,
      hello: detection,
      tls: options,
      timeoutMs: remaining,
      registry,
      clock,
      acceptance,
    });
  }

  /** Closes the connection at once, in any state before it was taken. */
  destroy(): void {
    this.#socket.destroy();
  }

  #take(): void {
    if (this.#taken) throw new TypeError("Cannot use a connection twice: it was taken before");
    if (this.#waiting !== null) throw new TypeError("Cannot use a connection while its protocol is being detected");
    this.#taken = true;
    this.#idle?.cancel();
    this.#idle = null;
    this.#socket.removeListener("close", this.#onGone);
  }

  #receive(chunk: Uint8Array): void {
    this.#pieces.push(chunk);
    const bytes = this.#bytes();
    const decision = detectProtocol(bytes);
    if (decision !== null) return this.#decide(decision);
    this.#reads++;
    if (bytes.length >= MAX_DETECTION_BYTES || this.#reads >= MAX_PIECES) this.#decide({ kind: "raw" });
  }

  #receiveEnd(): void {
    this.#endReceived = true;
    if (this.#pieces.length > 0) return this.#decide({ kind: "raw" });
    this.#decide(CLOSED);
    this.destroy();
  }

  /** The socket has closed before it was taken, whether its protocol was decided or not. */
  #gone(): void {
    this.#idle?.cancel();
    this.#idle = null;
    this.#decide(CLOSED);
  }

  /** Joins the pieces to one, which replaces them. */
  #bytes(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? new Uint8Array();
  }

  #decide(detection: Detection): void {
    if (this.#decision !== null) return;
    this.#decision = detection;
    this.#limit?.cancel();
    this.#limit = null;
    this.#socket.removeListener("data", this.#onData);
    this.#socket.removeListener("end", this.#onEnd);
    this.#socket.pause();
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.(detection);
  }
}

const NOT_TLS = {
  http: "it speaks plaintext HTTP where TLS is required",
  raw: "it does not speak TLS, which is required",
  timeout: "no ClientHello arrived in time",
  closed: "it closed the connection before the handshake",
} as const;
