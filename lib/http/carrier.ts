/**
 * The carrier between two enmesh peers: one HTTP/2 connection an endpoint, whatever the application speaks. What
 * requests are to the application, to routes, metrics and policies stays what it was.
 *
 * @module
 */
import type { HeaderList } from "./header_list.ts";
import type { HttpProtocol } from "./message.ts";
import type { ByteStream, ConnectionInfo } from "../transport/byte_stream.ts";

/**
 * The ALPN name of the carrier. First in the list of mutual-TLS connections between workloads; every other peer ignores
 * a name it does not know (RFC 7301 section 3.2).
 */
export const CARRIER_ALPN = "enmesh-h2";

/** Whether a connection is the carrier. */
export function isCarrier(connection: ConnectionInfo): boolean {
  return connection.tls?.alpn === CARRIER_ALPN;
}

/**
 * The version a carried request was spoken in: gRPC needs HTTP/2 and says so by `te: trailers`; `fetch` speaks HTTP/1.1,
 * which has no such field past its first hop.
 */
export function spokenProtocol(headers: HeaderList): HttpProtocol {
  return headers.get("te") === "trailers" ? "HTTP/2" : "HTTP/1.1";
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
