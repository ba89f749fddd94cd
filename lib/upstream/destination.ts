import type { Call } from "../http/call.ts";
import type { HttpRequest } from "../http/message.ts";
import { parseIp } from "../resource/ip_address.ts";
import type { Cluster } from "../resource/cluster.ts";
import { splitAddress } from "./split_address.ts";

/** Key of the filter state by which filters and Wasm modules say where a request goes in ORIGINAL_DST clusters. */
export const ORIGINAL_DST_STATE = "envoy.network.transport_socket.original_dst_address";

/**
 * Where a request wants to go, for the clusters that ask: ORIGINAL_DST by filter state, metadata, header (each only where it is
 * configured: callers can write headers) or original destination, in Envoy's order; a dynamic forward proxy by the host
 * of the request. `null` for other clusters, and where nothing says it.
 */
export function destinationOf(cluster: Cluster, request: HttpRequest, call: Call): string | null {
  if (cluster.type === "dynamic_forward_proxy") return hostDestination(cluster, request.authority);
  if (cluster.type !== "original_dst") return null;
  const set = address(call.filterState?.get(ORIGINAL_DST_STATE));
  if (set !== null) return set;
  const { originalDstMetadata = null, originalDstHeader } = cluster;
  const named = originalDstMetadata === null ? null : address(metadataOf(call, originalDstMetadata));
  if (named !== null) return named;
  const header = originalDstHeader === null ? null : address(request.headers.get(originalDstHeader));
  return header ?? call.downstreamLocalAddress;
}

/**
 * Where the caller wanted to go, for the PROXY headers of a cluster that writes any; `null` for all others, which are not
 * worth the text.
 */
export function proxiedAddress(cluster: Cluster, call: Call): string | null {
  const { transportSocket, transportSocketMatches } = cluster;
  const writes = transportSocket.proxyProtocol !== undefined ||
    transportSocketMatches.some(({ socket }) => socket.proxyProtocol !== undefined);
  return writes ? call.downstreamLocalAddress : null;
}

/** `host:port` of an authority; the port is that of the scheme the cluster speaks where there is none. */
export function hostDestination(cluster: Cluster, authority: string): string | null {
  if (authority === "") return null;
  const lower = authority.toLowerCase();
  if (/:\d+$/.test(lower) && (lower.indexOf(":") === lower.lastIndexOf(":") || lower.startsWith("["))) return lower;
  return `${lower}:${cluster.transportSocket.kind === "tls" ? 443 : 80}`;
}

function metadataOf(call: Call, { namespace, path }: NonNullable<Cluster["originalDstMetadata"]>): unknown {
  let value: unknown = call.dynamicMetadata?.get(namespace);
  for (const key of path) value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  // Envoy takes the first of a list.
  return Array.isArray(value) ? value[0] : value;
}

/** An `ip:port`; `null` for anything else, which Envoy counts as not given. */
function address(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const { hostname, port } = splitAddress(value);
  return parseIp(hostname) !== null && Number.isInteger(port) && port > 0 && port < 65_536 ? value : null;
}
