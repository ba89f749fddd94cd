/**
 * What the codecs and the TCP data path see of a connection.
 *
 * @module
 */
import type { SocketAddress } from "../internal/socket_address.ts";

/** Who is at the other end, read from its verified certificate only. */
export interface PeerIdentity {
  /** The SPIFFE id, for example `spiffe://cluster.local/ns/default/sa/sleep`. */
  readonly principal: string;
  /** Every URI SAN of the certificate. */
  readonly uriSans: readonly string[];
  /** Every DNS SAN of the certificate. */
  readonly dnsSans: readonly string[];
  /** Subject in RFC 2253 form; empty for Istio workloads. */
  readonly subject: string;
  /** Lower-case hexadecimal SHA-256 of the leaf certificate. */
  readonly sha256: string;
  /** The leaf certificate, DER. */
  readonly certificate: Uint8Array;
  /** The chain as sent, leaf first, DER. */
  readonly chain: readonly Uint8Array[];
}

/** Facts about a connection that do not change. */
export interface ConnectionInfo {
  /** Unique within the process, for logs. */
  readonly id: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** `null` on plaintext. */
  readonly tls: {
    /** Negotiated ALPN, `null` for none. */
    readonly alpn: string | null;
    /** Server name of the ClientHello, `null` for none. */
    readonly sni: string | null;
    /** For example `TLSv1.3`. */
    readonly version: string;
    readonly cipher: string;
    /** The verified peer; `null` where the peer showed no certificate. */
    readonly peer: PeerIdentity | null;
    /** SHA-256 of our own leaf and our SPIFFE id on this connection, for access logs. */
    readonly localPrincipal: string | null;
  } | null;
}

/** Receives what happens on a {@linkcode ByteStream}. Exactly one `onClose` ends it, after which nothing is called. */
export interface ByteStreamHandler {
  /** Bytes arrived; the callee owns them. May throw: the stream is then destroyed, never the process. */
  onData(chunk: Uint8Array): void;
  /** The peer has sent its last byte (half-close). */
  onEnd(): void;
  /** Everything written has been handed to the system after `write` returned `false`. */
  onDrain(): void;
  /** The connection is gone; `error` is `null` after an orderly close. */
  onClose(error: Error | null): void;
}

/** A connected byte stream, plaintext or TLS. */
export interface ByteStream {
  readonly info: ConnectionInfo;
  /** Bytes accepted by `write` and not yet handed to the system. */
  readonly writableLength: number;
  /**
   * Installs the one receiver and starts reading. Bytes that arrived earlier are delivered first, later in the same
   * turn or in the next. Call again to hand the stream on to another receiver (protocol detection).
   */
  start(handler: ByteStreamHandler): void;
  /** Queues bytes; `false` asks to wait for `onDrain`. The bytes must not be changed while `writableLength > 0`. */
  write(bytes: Uint8Array): boolean;
  /**
   * Queues a string of ASCII only: cheaper than bytes for a message head. (Strings beyond ASCII would be corrupted by
   * the runtime's TLS writev; the caller encodes those as bytes.)
   */
  writeAscii(text: string): boolean;
  /** Holds writes back until {@linkcode ByteStream.uncork}, so that head and body leave in one system call. */
  cork(): void;
  uncork(): void;
  /** Sends the last byte (half-close): FIN or close_notify after what is queued. */
  end(): void;
  /** Closes at once in both directions. */
  destroy(error?: Error): void;
  /** Stops and resumes `onData` (backpressure towards the peer). */
  pause(): void;
  resume(): void;
  /** Whether the connection keeps the process alive. */
  ref(): void;
  unref(): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean, initialDelayMs?: number): void;
}
