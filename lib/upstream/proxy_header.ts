import { parseIp } from "../resource/ip_address.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import { PROXY_PROTOCOL_LOCAL, proxyProtocolHeader } from "../transport/proxy_protocol.ts";
import { splitAddress } from "./split_address.ts";

/**
 * Writes the PROXY header of a fresh connection. The caller is this process, so the source is the connection's own; the
 * destination is what the caller wanted to reach, as a sidecar would have seen it, or the endpoint where that is a name
 * or an address of the other family. Where nobody calls (`null`) version 2 says so, as Envoy does.
 */
export function writeProxyHeader(stream: ByteStream, version: 1 | 2, proxied: string | null): void {
  const { local, remote } = stream.info;
  if (proxied === null && version === 2) return void stream.write(PROXY_PROTOCOL_LOCAL);
  const wanted = splitAddress(proxied ?? "");
  const fits = parseIp(wanted.hostname)?.length === parseIp(local.hostname)?.length && wanted.port > 0;
  stream.write(proxyProtocolHeader(version, local, fits ? wanted : remote));
}
