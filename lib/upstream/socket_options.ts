import type { Cluster } from "../resource/cluster.ts";
import { parseIp } from "../resource/ip_address.ts";
import type { ConnectTarget } from "../transport/connector.ts";

/** The part of a connect target that is about the socket alone. */
export type SocketOptions = Pick<ConnectTarget, "localAddress" | "keepAliveMs" | "bufferBytes">;

const NONE: SocketOptions = {};

/**
 * What a cluster says of its sockets. Of TCP keepalive the time until the first probe is set; the number of probes and
 * the interval between them stay the system's, which the runtime has no way to change. A source address of another
 * family than the endpoint's is left out: it could not be bound to.
 */
export function socketOptions(cluster: Cluster, address: string): SocketOptions {
  const { tcpKeepalive, bindAddress, bufferBytes = null } = cluster;
  if (tcpKeepalive === null && bindAddress === null && bufferBytes === null) return NONE;
  const sameFamily = bindAddress !== null && parseIp(bindAddress.hostname)?.length === parseIp(address)?.length;
  return {
    localAddress: sameFamily ? bindAddress : null,
    keepAliveMs: tcpKeepalive === null ? null : tcpKeepalive.timeSeconds * 1000,
    bufferBytes,
  };
}
