import { packAny } from "../../lib/protobuf/registry.ts";
import type { EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpConnectionManager as Manager } from "../../lib/protobuf/gen/messages.ts";

/** The HTTP filters of a listener, without the router. */
export type ListenerFilters = NonNullable<Manager["httpFilters"]>;

/** The network filters of a chain that leads to a cluster through HTTP filters. */
export function managerFilters(cluster: string, httpFilters: ListenerFilters) {
  return [{
    name: "envoy.filters.network.http_connection_manager",
    typedConfig: packAny("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      statPrefix: "test",
      routeConfig: {
        name: "inline",
        virtualHosts: [{ name: "any", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] }],
      },
      httpFilters: [
        ...httpFilters,
        {
          name: "envoy.filters.http.router",
          typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
        },
      ],
    }),
  }];
}

/** An outbound listener at `10.1.1.1:PORT` that leads to the service `web` through HTTP filters. */
export function filteredListener(port: number, httpFilters: ListenerFilters) {
  const name = `10.1.1.1_${port}`;
  return {
    name,
    value: {
      name,
      address: { socketAddress: { address: "10.1.1.1", portValue: port } },
      trafficDirection: "OUTBOUND",
      filterChains: [{ filters: managerFilters("outbound|80||web.default.svc.cluster.local", httpFilters) }],
    },
  };
}
