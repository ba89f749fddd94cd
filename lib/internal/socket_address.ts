/** An IP address and port. */
export interface SocketAddress {
  /** IPv4, or IPv6 without brackets. */
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** `ip:port`, IPv6 in brackets. */
export function formatAddress(address: SocketAddress): string {
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
