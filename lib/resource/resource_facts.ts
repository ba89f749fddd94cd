import { ipKey } from "./ip_address.ts";
import type { Listener } from "./listener.ts";
import { wireFields } from "./wire_fields.ts";

/** `envoy.config.cluster.v3.Cluster.DiscoveryType.EDS`. */
const EDS = 3;
const text = new TextDecoder();

/**
 * The name of the load assignment that a cluster of type EDS asks for, read from its bytes; `null` for other clusters.
 * Field numbers are those of `envoy.config.cluster.v3.Cluster`: name 1, type 2, eds_cluster_config 3 (its service_name
 * 2), cluster_type 38.
 */
export function edsServiceName(cluster: Uint8Array): string | null {
  let name = "";
  let eds = false;
  let service = "";
  for (const field of wireFields(cluster)) {
    if (field.number === 1) name = text.decode(field.bytes);
    else if (field.number === 2) eds = field.value === EDS;
    // Of the two members of a oneof the last one on the wire counts.
    else if (field.number === 38) eds = false;
    else if (field.number === 3) {
      for (const inner of wireFields(field.bytes)) if (inner.number === 2) service = text.decode(inner.bytes);
    }
  }
  return eds ? service || name : null;
}

/** What the store keeps of a listener without keeping the listener. */
export interface ListenerFacts {
  /** Names of the route configurations it looks up. */
  readonly routes: readonly string[];
  /** Keys of the addresses it is found at, see {@linkcode addressKey}; of outbound listeners only. */
  readonly addresses: readonly string[];
}

/** Takes them from the listener. */
export function listenerFacts(listener: Listener): ListenerFacts {
  const routes = new Set<string>();
  const chains = [...listener.filterChains, listener.defaultFilterChain];
  for (const filter of chains.flatMap((chain) => chain?.filters ?? [])) {
    if (filter.kind === "http_connection_manager" && "rds" in filter.config.routes) {
      routes.add(filter.config.routes.rds);
    }
  }
  const addresses = listener.direction !== "outbound" ? [] : [listener.address, ...listener.additionalAddresses]
    .map((address) => address === null ? null : addressKey(address.hostname, address.port))
    .filter((key) => key !== null);
  return { routes: [...routes], addresses };
}

/** One key for an address, whatever way its IP is written; `null` where it is no IP address. */
export function addressKey(ip: string, port: number): string | null {
  const key = ipKey(ip);
  return key === null ? null : `${key} ${port}`;
}
