import type { SocketAddress } from "../internal/socket_address.ts";

/** Splits `host:port`; brackets around IPv6 go. The port is `NaN` where there is none. */
export function splitAddress(address: string): SocketAddress {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, Math.max(0, colon)).replace(/^\[|\]$/g, "");
  return { hostname, port: Number(address.slice(colon + 1) || NaN) };
}
