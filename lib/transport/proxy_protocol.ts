import type { SocketAddress } from "../internal/socket_address.ts";
import { parseIp } from "../resource/ip_address.ts";

const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** Version 2, command PROXY. */
const V2_PROXY = 0x21;
/** Version 2, command LOCAL. */
const V2_LOCAL = 0x20;
/** Address family IPv4 or IPv6, over a stream. */
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

/** The header of version 2 for connections that nobody else asked for: health checks. */
export const PROXY_PROTOCOL_LOCAL: Uint8Array<ArrayBuffer> = new Uint8Array([...V2_SIGNATURE, V2_LOCAL, 0, 0, 0]);

/**
 * The header of the PROXY protocol (HAProxy's `proxy-protocol.txt`), as Envoy's upstream transport socket writes it: who
 * calls, and where the caller wanted to go.
 *
 * @param version 1 is text, 2 is binary.
 * @param source The caller.
 * @param destination Where it wanted to go; of the same address family.
 */
export function proxyProtocolHeader(
  version: 1 | 2,
  source: SocketAddress,
  destination: SocketAddress,
): Uint8Array<ArrayBuffer> {
  const from = parseIp(source.hostname);
  const to = parseIp(destination.hostname);
  if (from === null || to === null || from.length !== to.length) {
    throw new TypeError("Cannot write a PROXY header: both addresses must be IP addresses of one family");
  }
  if (version === 1) {
    const family = from.length === 4 ? "TCP4" : "TCP6";
    return new TextEncoder().encode(
      `PROXY ${family} ${source.hostname} ${destination.hostname} ${source.port} ${destination.port}\r\n`,
    );
  }
  const length = 2 * from.length + 4;
  const header = new Uint8Array(16 + length);
  header.set(V2_SIGNATURE);
  header[12] = V2_PROXY;
  header[13] = from.length === 4 ? V2_TCP4 : V2_TCP6;
  const view = new DataView(header.buffer);
  view.setUint16(14, length);
  header.set(from, 16);
  header.set(to, 16 + from.length);
  view.setUint16(16 + 2 * from.length, source.port);
  view.setUint16(18 + 2 * from.length, destination.port);
  return header;
}
