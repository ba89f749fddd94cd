import { WireReader } from "../protobuf/wire_reader.ts";
import type { FilterDiscovery } from "./filter_discovery.ts";
import { ipKey } from "./ip_address.ts";
import type { Listener } from "./listener.ts";

/** `envoy.config.cluster.v3.Cluster.DiscoveryType.EDS`. */
const EDS = 3;

/**
 * The name of the load assignment that a cluster of type EDS asks for, read from its bytes; `null` for other clusters.
 * Field numbers are those of `envoy.config.cluster.v3.Cluster`: name 1, type 2, eds_cluster_config 3 (its service_name
 * 2), cluster_type 38.
 *
 * @param cluster The cluster on the wire.
 * @param usual What the name nearly always is; returned itself where it is that, for ten thousand are worth sharing.
 */
export function edsServiceName(cluster: Uint8Array, usual = ""): string | null {
  let name = "";
  let eds = false;
  let service = "";
  const reader = new WireReader(cluster);
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        name = reader.stringLike(usual);
        break;
      case 2:
        eds = reader.value === EDS;
        break;
      case 3: {
        const inner = reader.inner();
        while (inner.next()) if (inner.field === 2) service = inner.stringLike(usual);
        break;
      }
      // Of the two members of a oneof the last one on the wire counts.
      case 38:
        eds = false;
        break;
    }
  }
  return eds ? service || name : null;
}

/** What the store keeps of a listener without keeping the listener. */
export interface ListenerFacts {
  /** Names of the route configurations it looks up. */
  readonly routes: readonly string[];
  /** Its filters whose configuration arrives by itself, by name. */
  readonly extensions: ReadonlyMap<string, FilterDiscovery>;
  /** Keys of the addresses it is found at, see {@linkcode addressKey}; of outbound listeners only. */
  readonly addresses: readonly string[];
}

/** Takes them from the listener. */
export function listenerFacts(listener: Listener): ListenerFacts {
  const routes = new Set<string>();
  const extensions = new Map<string, FilterDiscovery>();
  const chains = [...listener.filterChains, listener.defaultFilterChain];
  for (const filter of chains.flatMap((chain) => chain?.filters ?? [])) {
    if (filter.kind === "discovered") extensions.set(filter.name, filter.discovery);
    if (filter.kind !== "http_connection_manager") continue;
    if ("rds" in filter.config.routes) routes.add(filter.config.routes.rds);
    for (const { name, discovery } of filter.config.httpFilters) {
      if (discovery !== undefined) extensions.set(name, discovery);
    }
  }
  const addresses = listener.direction !== "outbound" ? [] : [listener.address, ...listener.additionalAddresses]
    .map((address) => address === null ? null : addressKey(address.hostname, address.port))
    .filter((key) => key !== null);
  return { routes: [...routes], extensions, addresses };
}

/** One key for an address, whatever way its IP is written; `null` where it is no IP address. */
export function addressKey(ip: string, port: number): string | null {
  const key = ipKey(ip);
  return key === null ? null : `${key} ${port}`;
}
