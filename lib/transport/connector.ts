import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { ByteStream, ConnectionInfo } from "./byte_stream.ts";
import { handshakeFailure, identifyServer } from "./client_handshake.ts";
import { addressesOf, tlsFacts } from "./connection_info.ts";
import { type HandleRegistry, trackSocket } from "./handle_registry.ts";
import { PeerVerifier } from "./peer_verification.ts";
import { SocketStream } from "./socket_stream.ts";
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
    connect(target) {
      const { address, tls, signal = null } = target;
      return new Promise<ByteStream>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const socket = tls === null ? openTcp(address) : openTls(address, tls, contexts);
        trackSocket(registry, socket);
        let settled = false;
        const settle = (): boolean => {
          if (settled) return false;
          settled = true;
          timer.cancel();
          signal?.removeEventListener("abort", onAbort);
          return true;
        };
        const fail = (failure: Omit<TransportFailure, "address">): void => {
          if (!settle()) return;
          socket.destroy();
          target.onTransportFailure?.({ ...failure, address });
          reject(toError({ ...failure, address }));
        };
        const onAbort = (): void => {
          if (!settle()) return;
          socket.destroy();
          reject(signal!.reason);
        };
        const timer = registry.timer(
          clock,
          target.connectTimeoutMs,
          () => fail({ kind: "timeout", reason: `no connection within '${target.connectTimeoutMs}' ms` }),
        );
        signal?.addEventListener("abort", onAbort, { once: true });
        // This listener stays: an error of a socket that has none ends the process.
        socket.on("error", (error: Error) => {
          if (!(error instanceof Deno.errors.NotCapable)) return fail(connectFailure(error, tls !== null));
          if (!settle()) return;
          const to = formatAddress(address);
          reject(
            new MeshError("PERMISSION_MISSING", `Cannot connect to '${to}': grant --allow-net=${to}`, { cause: error }),
          );
        });
        socket.once("close", () => fail({ kind: "connect", reason: "the peer closed the connection" }));
        socket.once(tls === null ? "connect" : "secureConnect", () => {
          if (settled) return;
          let facts: ConnectionInfo["tls"] = null;
          if (tls !== null) {
            const verified = identifyServer(socket as TLSSocket, tls, verifier, clock.now());
            if (!verified.ok) return fail({ kind: verified.failure, reason: verified.reason });
            const ours = tls.certificate?.spiffeId ?? null;
            facts = tlsFacts(socket as TLSSocket, tls.sni === "" ? null : tls.sni, verified.peer, ours);
          }
          settle();
          const info = { id: registry.nextId(), ...addressesOf(socket), tls: facts };
          resolve(new SocketStream({ socket, info }));
        });
      });
    },
  };
}

function openTcp(address: SocketAddress): Socket {
  return connectTcp({ host: address.hostname, port: address.port, allowHalfOpen: true, noDelay: true });
}

function openTls(address: SocketAddress, tls: ClientTls, contexts: TlsContexts): TLSSocket {
  const { certificate, trust } = tls;
  const bundle = typeof trust === "string" ? null : trust;
  const options = {
    host: address.hostname,
    port: address.port,
    secureContext: contexts.get(certificate, bundle, tls.minVersion, tls.maxVersion),
    servername: tls.sni,
    ALPNProtocols: tls.alpn.length === 0 ? undefined : [...tls.alpn],
    allowHalfOpen: true,
    // The runtime would refuse without a reason. Its verdict is read after the handshake, before anything is sent;
    // that the peer holds its key is proved in any case.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
  return connectTls(options as ConnectionOptions);
}

function connectFailure(error: Error, isTls: boolean): Omit<TransportFailure, "address"> {
  return isTls ? handshakeFailure(error) : { kind: "connect", reason: error.message };
}

function toError(failure: TransportFailure): MeshError {
  const to = formatAddress(failure.address);
  switch (failure.kind) {
    case "connect":
    case "timeout":
      return new MeshError("UPSTREAM_CONNECTION_FAILURE", `Cannot connect to '${to}': ${failure.reason}`);
    case "handshake":
      return new MeshError("UPSTREAM_CONNECTION_FAILURE", `Cannot speak TLS with '${to}': ${failure.reason}`);
    default:
      return new MeshError("PEER_NOT_VERIFIED", `Cannot trust the server at '${to}': ${failure.reason}`);
  }
}

export type { TransportFailure } from "./transport_failure.ts";
