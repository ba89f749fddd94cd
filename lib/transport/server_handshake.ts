import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { ByteStream, PeerIdentity } from "./byte_stream.ts";
import type { ClientHello } from "./client_hello.ts";
import { tlsFacts } from "./connection_info.ts";
import type { HandleRegistry } from "./handle_registry.ts";
import type { PeerFailure, PeerVerifier, Refusal } from "./peer_verification.ts";
import { peerChain, runtimeVerdict } from "./runtime_tls.ts";
import { SocketStream } from "./socket_stream.ts";
import type { TlsContexts } from "./tls_contexts.ts";
import type { ServerTls } from "./tls_options.ts";
import type { TransportFailure } from "./transport_failure.ts";

/** What all handshakes of one acceptor share. */
export class TlsAcceptance {
  /** @param contexts Secure contexts. @param verifier Remembers good chains. */
  constructor(
    readonly contexts: TlsContexts,
    readonly verifier: PeerVerifier,
    readonly logger: Logger,
    readonly onTransportFailure: (failure: TransportFailure) => void,
  ) {}

  /** Logs and counts a refused connection, and makes the error for it. */
  refuse(address: SocketAddress, kind: TransportFailure["kind"], reason: string): MeshError {
    const from = formatAddress(address);
    this.onTransportFailure({ kind, reason, address });
    this.logger.log("debug", `Refused a connection from '${from}': ${reason}`, { kind });
    return kind === "connect" || kind === "timeout" || kind === "handshake"
      ? new MeshError("DOWNSTREAM_PROTOCOL_ERROR", `Cannot speak TLS with '${from}': ${reason}`)
      : new MeshError("PEER_NOT_VERIFIED", `Cannot trust the client at '${from}': ${reason}`);
  }
}

/** One handshake to be made. */
export interface TlsAcceptOptions {
  id: number;
  local: SocketAddress;
  remote: SocketAddress;
  hello: ClientHello;
  tls: ServerTls;
  timeoutMs: number;
  registry: HandleRegistry;
  clock: Clock;
  acceptance: TlsAcceptance;
}

const CLOSED = "it closed the connection during the handshake";

/** Makes the server's part of a TLS handshake on a socket whose ClientHello was put back. */
export function acceptTls(raw: Socket, options: TlsAcceptOptions): Promise<ByteStream> {
  const { id, local, remote, hello, tls, timeoutMs, registry, clock, acceptance } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
  const protocols = selectProtocols(tls, hello.alpn);
  // `tls.createServer` keeps memory of every failed handshake; a TLSSocket of our own does not.
  const settings: TLSSocketOptions & { allowHalfOpen: boolean } = {
    isServer: true,
    secureContext: acceptance.contexts.get(tls.certificate, tls.trust, tls.minVersion, tls.maxVersion),
    requestCert: tls.trust !== null,
    rejectUnauthorized: tls.trust !== null && tls.requireClientCertificate,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
    allowHalfOpen: true,
  };
  const socket = new TLSSocket(raw, settings);
  let settled = false;
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    timer.cancel();
    return true;
  };
  const fail = (kind: TransportFailure["kind"], reason: string): void => {
    if (!settle()) return;
    socket.destroy();
    raw.destroy();
    reject(acceptance.refuse(remote, kind, reason));
  };
  const timer = registry.timer(clock, timeoutMs, () => fail("timeout", "the handshake took too long"));
  // This listener stays: an error of a socket that has none ends the process.
  socket.on("error", (error: Error & { code?: string }) => fail(...classify(error)));
  // The socket may be half-open, so an end alone does not close it.
  socket.once("end", () => fail("handshake", CLOSED));
  socket.once("close", () => {
    raw.destroy();
    fail("handshake", CLOSED);
  });
  socket.once("secure", () => {
    if (settled) return;
    const identity = identifyClient(socket, tls, acceptance.verifier, clock.now());
    if (!identity.ok) return fail(identity.failure, identity.reason);
    settle();
    const facts = tlsFacts(socket, hello.sni, identity.peer, tls.certificate.spiffeId);
    resolve(new SocketStream({ socket, info: { id, local, remote, tls: facts } }));
  });
  return promise;
}

/**
 * What a server may select: its own protocols that the client offers, in the server's order. `istio*` names choose
 * filter chains and are not selected, apart from `istio-peer-exchange` where the chain speaks it.
 */
export function selectProtocols(tls: Pick<ServerTls, "alpn" | "peerExchange">, offered: readonly string[]): string[] {
  return tls.alpn.filter((name) =>
    offered.includes(name) &&
    (!name.startsWith("istio") || (name === "istio-peer-exchange" && tls.peerExchange === true))
  );
}

/** Who the client of a finished handshake is. Both verdicts must be good, the runtime's and our own. */
function identifyClient(
  socket: TLSSocket,
  tls: ServerTls,
  verifier: PeerVerifier,
  now: number,
): { ok: true; peer: PeerIdentity | null } | Refusal {
  if (tls.trust === null) return { ok: true, peer: null };
  const chain = peerChain(socket);
  if (chain.length === 0 && !tls.requireClientCertificate) return { ok: true, peer: null };
  const verified = verifier.verify(chain, { trust: tls.trust, role: "client", now }, tls.acceptSans);
  if (!verified.ok) return verified;
  const verdict = runtimeVerdict(socket);
  if (verdict === null) return verified;
  return { ok: false, failure: "unverifiable", reason: `the runtime refuses its certificate (${verdict})` };
}

function classify(error: Error & { code?: string }): ["handshake" | PeerFailure, string] {
  const code = error.code ?? "";
  if (code.includes("PEER_DID_NOT_RETURN_A_CERTIFICATE")) return ["no_certificate", "it sent no certificate"];
  if (code.includes("UNKNOWN_CA") || code.includes("BAD_CERTIFICATE") || code.includes("CERTIFICATE_UNKNOWN")) {
    return ["handshake", `the client does not trust our certificate (${code})`];
  }
  return ["handshake", code === "" ? error.message : `${error.message} (${code})`];
}
