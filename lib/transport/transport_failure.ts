import type { SocketAddress } from "../internal/socket_address.ts";
import type { PeerFailure } from "./peer_verification.ts";

/** Why a connection could not be used, for metrics and logs. */
export interface TransportFailure {
  /** `connect`: no TCP connection; `timeout`; `handshake`: TLS failed; otherwise why the peer was refused. */
  readonly kind: "connect" | "timeout" | "handshake" | PeerFailure;
  /** A clause for messages, without a period. */
  readonly reason: string;
  /** The peer's address. */
  readonly address: SocketAddress;
}
