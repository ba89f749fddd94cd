/** An IP address and port. */
export interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
}

/** `ip:port`, IPv6 in brackets. */
export function formatAddress(address: SocketAddress): string {
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
