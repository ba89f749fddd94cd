import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../internal/clock.ts";
import type { ByteStream } from "./byte_stream.ts";
import { clientSettings, establish } from "./establish.ts";
import type { HandleRegistry } from "./handle_registry.ts";
import { PeerVerifier } from "./peer_verification.ts";
import { TlsContexts } from "./tls_contexts.ts";
import type { ClientTls } from "./tls_options.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** Settings of {@linkcode StreamTls}. */
export interface StreamTlsOptions {
  registry: HandleRegistry;
  clock: Clock;
}

/** Settings of one {@linkcode StreamTls.start}. */
export interface StartTlsOptions {
  /** Milliseconds for the handshake. @default {10_000} */
  timeoutMs?: number;
  /** Gives up when aborted. @default {null} */
  signal?: AbortSignal | null;
  /** Told once about a failure (not about an abort). @default {null} */
  onTransportFailure?: ((failure: TransportFailure) => void) | null;
}

/** Speaks TLS as a client inside an existing stream: the application's own TLS inside a connection of the mesh. */
export class StreamTls {
  readonly #options: StreamTlsOptions;
  readonly #contexts = new TlsContexts();
  readonly #verifier = new PeerVerifier();

  /** @param options What it works with. */
  constructor(options: StreamTlsOptions) {
    this.#options = options;
  }

  /**
   * Makes the handshake. The inner stream belongs to the result from then on and is closed with it, also when the
   * handshake fails.
   *
   * @param inner A stream whose receiver was not started, or has handed it on.
   * @param tls As for a connection.
   * @throws {MeshError} As `Connector.connect`. An abort rejects with the signal's reason.
   */
  async start(inner: ByteStream, tls: ClientTls, options: StartTlsOptions = {}): Promise<ByteStream> {
    const { timeoutMs = 10_000, signal = null, onTransportFailure = null } = options;
    const { registry, clock } = this.#options;
    const { local, remote } = inner.info;
    if (signal?.aborted) {
      inner.destroy();
      throw signal.reason;
    }
    const socket = connectTls({ socket: duplexOver(inner), ...clientSettings(tls, this.#contexts) });
    return await establish(socket, {
      address: remote,
      tls,
      timeoutMs,
      signal,
      onTransportFailure,
      shown: { local, remote },
      registry,
      clock,
      verifier: this.#verifier,
    });
  }
}

/** The runtime's kind of stream over ours, with backpressure both ways. */
function duplexOver(inner: ByteStream): Duplex {
  let drained: (() => void) | null = null;
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => inner.resume(),
    write(chunk: Uint8Array, _encoding, done) {
      // The bytes may not be changed while they are queued, and the runtime reuses nothing it has handed over.
      if (inner.write(chunk)) done();
      else drained = done;
    },
    final(done) {
      inner.end();
      done();
    },
    destroy(error, done) {
      inner.destroy(error ?? undefined);
      done(error);
    },
  });
  inner.start({
    onData: (chunk) => {
      if (!duplex.push(chunk)) inner.pause();
    },
    onEnd: () => void duplex.push(null),
    onDrain: () => {
      const done = drained;
      drained = null;
      done?.();
    },
    onClose: (error) => void duplex.destroy(error ?? undefined),
  });
  return duplex;
}
