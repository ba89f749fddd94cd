import type { JsonObject } from "./differential/case.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters";

/** The admin interface, on a port of the system's choice. */
export const ADMIN: JsonObject = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };

/** The filter at the end of every chain. */
export const ROUTER: JsonObject = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": `${EXTENSIONS}.http.router.v3.Router` },
};

/** A listener of a real Envoy with one connection manager, in Envoy's JSON; its only filter is the router by default. */
export function httpListener(
  name: string,
  { port, address = "127.0.0.1", manager, ...more }:
    & { port: number; address?: string; manager: object }
    & { traffic_direction?: string },
): JsonObject {
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [{
      filters: [{
        name: "envoy.filters.network.http_connection_manager",
        typed_config: {
          "@type": `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`,
          stat_prefix: name,
          http_filters: [ROUTER],
          ...manager as JsonObject,
        },
      }],
    }],
    ...more,
  };
}
