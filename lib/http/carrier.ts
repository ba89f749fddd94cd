/**
 * The carrier between two enmesh peers: one HTTP/2 connection an endpoint, for requests the application speaks as
 * HTTP/1.1. Who they are to the application, to routes, metrics and policies stays what it was.
 *
 * @module
 */
import type { ByteStream, ConnectionInfo } from "../transport/byte_stream.ts";

/**
 * The ALPN name of the carrier. First in the list of a mutual-TLS connection that would speak HTTP/1.1; every other
 * peer ignores a name it does not know (RFC 7301 section 3.2).
 */
export const CARRIER_ALPN = "enmesh-h2";

/** Whether requests on a connection are HTTP/1.1 carried over HTTP/2. */
export function isCarrier(connection: ConnectionInfo): boolean {
  return connection.tls?.alpn === CARRIER_ALPN;
}

/**
 * Milliseconds of silence after which the server of a connection with requests under way is asked for a sign of life
 * (PING). Our own servers take any number; Go's gRPC servers hang up on clients that ask more often than every five
 * minutes; in plaintext outside of the mesh nobody is asked.
 */
export function clientKeepaliveMs({ info }: ByteStream): number {
  if (isCarrier(info)) return 20_000;
  return info.tls?.peer === null || info.tls === null ? 0 : 305_000;
}
