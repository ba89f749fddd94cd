import type { Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { ByteStream, ConnectionInfo } from "./byte_stream.ts";
import { handshakeFailure, identifyServer } from "./client_handshake.ts";
import { addressesOf, tlsFacts } from "./connection_info.ts";
import { type HandleRegistry, trackSocket } from "./handle_registry.ts";
import type { PeerVerifier } from "./peer_verification.ts";
import { SocketStream } from "./socket_stream.ts";
import type { TlsContexts } from "./tls_contexts.ts";
import type { ClientTls } from "./tls_options.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** A socket that is being connected, and what it works with. */
export interface EstablishOptions {
  /** For messages. */
  address: SocketAddress;
  /** What the socket was opened with; `null` for plaintext. */
  tls: ClientTls | null;
  timeoutMs: number;
  signal: AbortSignal | null;
  onTransportFailure: ((failure: TransportFailure) => void) | null;
  /** Addresses to show, where the socket has none of its own. */
  shown?: Pick<ConnectionInfo, "local" | "remote">;
  registry: HandleRegistry;
  clock: Clock;
  verifier: PeerVerifier;
}

/** Settings of a client-side TLS socket. */
export function clientSettings(tls: ClientTls, contexts: TlsContexts): ConnectionOptions {
  const { certificate, trust, minVersion, maxVersion } = tls;
  const settings: ConnectionOptions & { allowHalfOpen: boolean } = {
    secureContext: contexts.get(certificate, typeof trust === "string" ? null : trust, minVersion, maxVersion),
    servername: tls.sni,
    ...(tls.alpn.length === 0 ? {} : { ALPNProtocols: [...tls.alpn] }),
    allowHalfOpen: true,
    // The runtime would refuse without a reason. Its verdict is read after the handshake, before anything is sent;
    // that the peer holds its key is proved in any case.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
  return settings;
}

/**
 * Waits for a socket to connect, verifies the server on TLS, and makes the stream. A socket that fails is closed and
 * counted until it is gone.
 *
 * @throws {MeshError} See `Connector.connect`. An abort rejects with the signal's reason.
 */
export function establish(socket: Socket, options: EstablishOptions): Promise<ByteStream> {
  const { address, tls, timeoutMs, signal, onTransportFailure, registry, clock } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
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
    onTransportFailure?.({ ...failure, address });
    reject(toError({ ...failure, address }));
  };
  const onAbort = (): void => {
    if (!settle()) return;
    socket.destroy();
    reject(signal!.reason);
  };
  const timer = registry.timer(
    clock,
    timeoutMs,
    () => fail({ kind: "timeout", reason: `no connection within '${timeoutMs}' ms` }),
  );
  signal?.addEventListener("abort", onAbort, { once: true });
  // This listener stays: an error of a socket that has none ends the process.
  socket.on("error", (error: Error) => {
    if (!(error instanceof Deno.errors.NotCapable)) {
      return fail(tls === null ? { kind: "connect", reason: error.message } : handshakeFailure(error));
    }
    if (!settle()) return;
    const to = formatAddress(address);
    const message = `Cannot connect to '${to}': no permission, run with --allow-net=${to}`;
    reject(new MeshError("PERMISSION_MISSING", message, { cause: error }));
  });
  socket.once("close", () => fail({ kind: "connect", reason: "the peer closed the connection" }));
  socket.once(tls === null ? "connect" : "secureConnect", () => {
    if (settled) return;
    let facts: ConnectionInfo["tls"] = null;
    if (tls !== null) {
      const verified = identifyServer(socket as TLSSocket, tls, options.verifier, clock.now());
      if (!verified.ok) return fail({ kind: verified.failure, reason: verified.reason });
      const ours = tls.certificate?.spiffeId ?? null;
      facts = tlsFacts(socket as TLSSocket, tls.sni === "" ? null : tls.sni, verified.peer, ours);
    }
    settle();
    const info = { id: registry.nextId(), ...options.shown ?? addressesOf(socket), tls: facts };
    resolve(new SocketStream({ socket, info }));
  });
  return promise;
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
