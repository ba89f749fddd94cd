import { parseIp } from "../resource/ip_address.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import { proxyProtocolHeader } from "../transport/proxy_protocol.ts";
import { splitAddress } from "./split_address.ts";

/**
 * Writes the PROXY header of a fresh connection. The caller is this process, so the source is the connection's own; the
 * destination is what the caller wanted to reach, as a sidecar would have seen it, or the endpoint where that is a name
 * or an address of the other family.
 */
export function writeProxyHeader(stream: ByteStream, version: 1 | 2, proxied: string): void {
  const { local, remote } = stream.info;
  const wanted = splitAddress(proxied);
  const fits = parseIp(wanted.hostname)?.length === parseIp(local.hostname)?.length && wanted.port > 0;
  stream.write(proxyProtocolHeader(version, local, fits ? wanted : remote));
}
