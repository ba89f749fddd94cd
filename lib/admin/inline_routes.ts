import type { EnvoyConfigListenerV3FilterChain } from "../protobuf/gen/messages.ts";
import { messageToJson } from "../protobuf/json.ts";
import { decode, encode, messageName, typeUrl, unpackAny } from "../protobuf/registry.ts";
import type { AdminView } from "./admin_view.ts";
import type { DumpItem } from "./config_dump_sections.ts";
import { isoTime } from "./iso_time.ts";
import type { Writable } from "./json_writer.ts";

const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTE = "envoy.config.route.v3.RouteConfiguration";

/** The route configurations that listeners hold in place, which Envoy calls static: one for each filter chain. */
export function* inlineRoutes(view: AdminView, matches: (name: string) => boolean): Generator<DumpItem> {
  for (const { active } of view.resources("listener")) {
    if (active === null) continue;
    for (const bytes of routesOf(active.bytes)) {
      const json = messageToJson(ROUTE, bytes);
      if (typeof json !== "object" || json === null || Array.isArray(json) || !matches(String(json.name ?? ""))) {
        continue;
      }
      yield new Map<string, Writable>([
        ["route_config", { "@type": typeUrl(ROUTE), ...json }],
        ["last_updated", isoTime(active.stamp.at)],
      ]);
    }
  }
}

function routesOf(listener: Uint8Array): Uint8Array[] {
  const { filterChains = [], defaultFilterChain } = decode("envoy.config.listener.v3.Listener", listener);
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  return chains.flatMap(routesOfChain);
}

function routesOfChain({ filters = [] }: EnvoyConfigListenerV3FilterChain): Uint8Array[] {
  const routes: Uint8Array[] = [];
  for (const { typedConfig } of filters) {
    if (messageName(typedConfig?.typeUrl ?? "") !== MANAGER) continue;
    const { routeConfig } = unpackAny(MANAGER, typedConfig!);
    if (routeConfig !== undefined) routes.push(encode(ROUTE, routeConfig));
  }
  return routes;
}
