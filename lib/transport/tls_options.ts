import type { PeerRule } from "./peer_verification.ts";
import type { TlsCertificate, TrustBundle } from "./secret_provider.ts";

/** A TLS version this library speaks. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/**
 * Whom a client trusts: the mesh's roots; the public roots of the runtime; or anybody, which is only ever used where a
 * configuration says so (`insecureSkipVerify`).
 */
export type ClientTrust = TrustBundle | "system" | "none";

/** How a client speaks TLS. */
export interface ClientTls {
  /** Our certificate; `null` shows none. */
  readonly certificate: TlsCertificate | null;
  readonly trust: ClientTrust;
  /**
   * Whether the verified server is the expected one. Not asked with `trust: "none"`, where nothing is verified.
   * {@linkcode matchHostname} and {@linkcode acceptAnyPeer} are ready made.
   */
  readonly acceptSans: PeerRule;
  /** Offered protocols, most wanted first; empty offers none. */
  readonly alpn: readonly string[];
  /** Server name to send; empty for none. */
  readonly sni: string;
  /** @default {"TLSv1.2"} */
  readonly minVersion?: TlsVersion | null;
  /** @default {"TLSv1.3"} */
  readonly maxVersion?: TlsVersion | null;
}

/** How a server speaks TLS. */
export interface ServerTls {
  readonly certificate: TlsCertificate;
  /** Roots of client certificates; `null` asks for no client certificate. */
  readonly trust: TrustBundle | null;
  /** Refuse clients without a certificate. Needs `trust`. */
  readonly requireClientCertificate: boolean;
  /** Whether a verified client may connect. */
  readonly acceptSans: PeerRule;
  /**
   * Protocols to select from, most wanted first. Names of the `istio*` family choose filter chains and are never
   * selected; see {@linkcode ServerTls.peerExchange} for the exception.
   */
  readonly alpn: readonly string[];
  /** Whether `istio-peer-exchange` may be selected: the chain reads the metadata preamble. @default {false} */
  readonly peerExchange?: boolean;
  /** @default {"TLSv1.2"} */
  readonly minVersion?: TlsVersion | null;
  /** @default {"TLSv1.3"} */
  readonly maxVersion?: TlsVersion | null;
  /** Milliseconds until a handshake that is not finished is given up. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
}
