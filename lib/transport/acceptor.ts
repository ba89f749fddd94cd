import { createServer, type Server, type Socket } from "node:net";
import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { HandleRegistry } from "./handle_registry.ts";
import { PeerVerifier } from "./peer_verification.ts";
import { RawConnection } from "./raw_connection.ts";
import { TlsAcceptance } from "./server_handshake.ts";
import { TlsContexts } from "./tls_contexts.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** Where to listen. */
export interface ListenAddress {
  /** IP address to bind to. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Connections the system queues. @default {511} */
  readonly backlog?: number;
}

/** Settings of {@linkcode listen}. */
export interface ListenOptions {
  registry: HandleRegistry;
  logger: Logger;
  clock: Clock;
  /**
   * Milliseconds after which a connection that sent nothing that decides what it is gets closed. It holds where protocol
   * detection has no limit of its own (`listener_filters_timeout: 0s`).
   * @default {120_000}
   */
  idleLimitMs?: number;
  /** Told about each refused connection, once. */
  onTransportFailure?: (failure: TransportFailure) => void;
}

/** A listening socket. */
export interface Acceptor {
  /** Where it listens; the port is the one chosen. */
  readonly addr: SocketAddress;
  /** Stops listening. Connections live on. */
  close(): Promise<void>;
  /** Whether listening keeps the process alive. */
  ref(): void;
  unref(): void;
}

/**
 * Listens for connections. Each is handed over before a byte of it was read, so that a silent one delays nobody.
 *
 * @param address Where to listen.
 * @param onConnection Called for each connection; an exception closes that connection.
 * @param options What it works with.
 * @throws {MeshError} `CONFIG_INVALID` when the address cannot be bound, `PERMISSION_MISSING` when it may not be.
 */
export async function listen(
  address: ListenAddress,
  onConnection: (connection: RawConnection) => void,
  options: ListenOptions,
): Promise<Acceptor> {
  const { registry, logger, clock, idleLimitMs = 120_000, onTransportFailure = () => {} } = options;
  const acceptance = new TlsAcceptance(new TlsContexts(), new PeerVerifier(), logger, onTransportFailure);
  const accept = (socket: Socket): void => {
    const connection = new RawConnection(socket, { registry, clock, acceptance, idleLimitMs });
    try {
      onConnection(connection);
    } catch (error) {
      logger.log("error", `Closed a connection from '${formatAddress(connection.remote)}': ${error}`);
      connection.destroy();
    }
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
  await bound(server, address);
  registry.opened("server");
  server.on("error", (error) => logger.log("warning", `Cannot accept a connection: ${error.message}`));
  const { address: hostname, port } = server.address() as { address: string; port: number };
  let closed = false;
  return {
    addr: { hostname, port },
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      // The callback waits for every connection; the listening socket itself is gone at once.
      server.close();
      registry.closed("server");
      return Promise.resolve();
    },
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  };
}

/** Waits until the server listens: its address is unknown before, and a port in use is reported later. */
function bound(server: Server, { hostname, port, backlog = 511 }: ListenAddress): Promise<void> {
  const where = formatAddress({ hostname, port });
  // Asked before: for some addresses the runtime throws out of reach, and the process would end.
  if (Deno.permissions.querySync({ name: "net", host: where }).state !== "granted") {
    return Promise.reject(
      new MeshError("PERMISSION_MISSING", `Cannot listen on '${where}': no permission, run with --allow-net=${where}`),
    );
  }
  return new Promise((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      const next = error.code === "EADDRINUSE" ? "another program listens there, choose another port" : error.message;
      reject(new MeshError("CONFIG_INVALID", `Cannot listen on '${where}': ${next}`, { cause: error }));
    });
    server.listen({ host: hostname, port, backlog }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

export type { Detection } from "./protocol_detection.ts";
export type { RawConnection } from "./raw_connection.ts";
