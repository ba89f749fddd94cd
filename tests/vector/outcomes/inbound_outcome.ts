import { compileFilterChains, selectFilterChain } from "../../../lib/filter/filter_chain_match.ts";
import type { HttpConnectionManager } from "../../../lib/resource/http_connection_manager.ts";
import type { SnapshotStore } from "../../../lib/resource/snapshot_store.ts";

/**
 * What a connection that comes in meets: a chain with its filters and what lies behind, or nothing. Filters that are not
 * supported have an exclamation mark before their name: requests are refused there.
 *
 * @param text `inbound PORT plaintext|tls [ALPN,...]`
 */
export function inboundOutcome(store: SnapshotStore, text: string): Record<string, unknown> {
  const [, port, transport, alpn = ""] = text.split(" ");
  const chain = selectFilterChain(compileFilterChains(store.current.virtualInbound!), {
    destination: { hostname: "10.0.0.11", port: Number(port) },
    serverName: "",
    transportProtocol: transport === "tls" ? "tls" : "raw_buffer",
    applicationProtocols: alpn === "" ? [] : alpn.split(","),
    source: { hostname: "10.0.0.1", port: 40000 },
  });
  if (chain === null) return { refused: "no chain" };
  const clusters = new Set<string>();
  const filters = chain.filters.flatMap((filter): string[] => {
    switch (filter.kind) {
      case "http_connection_manager":
        for (const name of routedClusters(filter.config)) clusters.add(name);
        return filter.config.httpFilters.map(({ name, plan }) => plan === null ? `!${name}` : name);
      case "tcp_proxy":
        for (const { name } of filter.config.clusters) clusters.add(name);
        return ["tcp_proxy"];
      default:
        return [filter.kind === "unsupported" ? `!${filter.name}` : filter.name];
    }
  });
  return {
    chain: chain.name,
    terminatesTls: chain.tls !== null,
    http: chain.filters.some(({ kind }) => kind === "http_connection_manager"),
    filters: filters.join(" "),
    targets: [...clusters].map((name) => targetOf(store, name)),
  };
}

function* routedClusters({ routes }: HttpConnectionManager): Generator<string> {
  for (const { routes: own } of "inline" in routes ? routes.inline.virtualHosts : []) {
    for (const { action } of own) {
      if (action.kind === "forward" && action.cluster.kind === "name") yield action.cluster.name;
    }
  }
}

function targetOf(store: SnapshotStore, name: string): Record<string, unknown> {
  const cluster = store.current.cluster(name);
  if (cluster === null) return { name, missing: true };
  const endpoints = cluster.loadAssignment?.localities.flatMap((group) => group.endpoints.map(({ key }) => key)) ?? [];
  return { name, type: cluster.type, endpoints, bindAddress: cluster.bindAddress?.hostname ?? null };
}
