import { connect as connectTcp, type Socket, type TcpSocketConnectOpts } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../internal/clock.ts";
import type { SocketAddress } from "../internal/socket_address.ts";
import type { ByteStream } from "./byte_stream.ts";
import { clientSettings, establish } from "./establish.ts";
import type { HandleRegistry } from "./handle_registry.ts";
import { PeerVerifier } from "./peer_verification.ts";
import { TlsContexts } from "./tls_contexts.ts";
import type { ClientTls } from "./tls_options.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** Where to connect to, and how. */
export interface ConnectTarget {
  readonly address: SocketAddress;
  /** `null` connects in plaintext. */
  readonly tls: ClientTls | null;
  /** Milliseconds for TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** Gives up when aborted. @default {null} */
  readonly signal?: AbortSignal | null;
  /** Source address of the connection; port 0 lets the system choose. @default {the system's choice} */
  readonly localAddress?: SocketAddress | null;
  /** Milliseconds of silence after which TCP probes the peer. @default {no probes} */
  readonly keepAliveMs?: number | null;
  /** Bytes buffered in each direction before the other side is slowed down. @default {the runtime's} */
  readonly bufferBytes?: number | null;
  /** Told once about a failure (not about an abort). */
  readonly onTransportFailure?: (failure: TransportFailure) => void;
}

/** Opens connections. */
export interface Connector {
  /**
   * Connects and, with TLS, verifies the server before a byte of the caller is sent.
   *
   * @throws {MeshError} `UPSTREAM_CONNECTION_FAILURE` when TCP or the handshake fails or takes too long,
   * `PEER_NOT_VERIFIED` when the server is not who it has to be. An abort rejects with the signal's reason.
   */
  connect(target: ConnectTarget): Promise<ByteStream>;
}

/** Settings of {@linkcode createConnector}. */
export interface ConnectorOptions {
  registry: HandleRegistry;
  clock: Clock;
}

/** A connector on the sockets of this machine. */
export function createConnector(options: ConnectorOptions): Connector {
  const { registry, clock } = options;
  const contexts = new TlsContexts();
  const verifier = new PeerVerifier();
  return {
    async connect(target) {
      const { address, tls, connectTimeoutMs: timeoutMs, signal = null } = target;
      signal?.throwIfAborted();
      const socket = tls === null ? openTcp(target) : openTls(target, tls, contexts);
      const { onTransportFailure = null, keepAliveMs = null } = target;
      const stream = await establish(socket, {
        address,
        tls,
        timeoutMs,
        signal,
        onTransportFailure,
        registry,
        clock,
        verifier,
      });
      if (keepAliveMs !== null) stream.setKeepAlive(true, keepAliveMs);
      return stream;
    },
  };
}

function openTcp(target: ConnectTarget): Socket {
  return connectTcp({ ...socketSettings(target), allowHalfOpen: true, noDelay: true });
}

function openTls(target: ConnectTarget, tls: ClientTls, contexts: TlsContexts): TLSSocket {
  return connectTls({ ...socketSettings(target), ...clientSettings(tls, contexts) });
}

/** The type of the runtime does not know of the buffer size; its sockets hand it on to their streams. */
function socketSettings({ address, localAddress = null, bufferBytes = null }: ConnectTarget): TcpSocketConnectOpts {
  return {
    host: address.hostname,
    port: address.port,
    ...(localAddress === null ? {} : {
      localAddress: localAddress.hostname,
      ...(localAddress.port === 0 ? {} : { localPort: localAddress.port }),
    }),
    ...(bufferBytes === null ? {} : { highWaterMark: bufferBytes }),
  };
}

export type { TransportFailure } from "./transport_failure.ts";
