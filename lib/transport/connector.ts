import { connect as connectTcp, type Socket } from "node:net";
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
      const socket = tls === null ? openTcp(address) : openTls(address, tls, contexts);
      const { onTransportFailure = null } = target;
      return await establish(socket, {
        address,
        tls,
        timeoutMs,
        signal,
        onTransportFailure,
        registry,
        clock,
        verifier,
      });
    },
  };
}

function openTcp(address: SocketAddress): Socket {
  return connectTcp({ host: address.hostname, port: address.port, allowHalfOpen: true, noDelay: true });
}

function openTls(address: SocketAddress, tls: ClientTls, contexts: TlsContexts): TLSSocket {
  return connectTls({ host: address.hostname, port: address.port, ...clientSettings(tls, contexts) });
}

export type { TransportFailure } from "./transport_failure.ts";
