import { MeshError } from "../errors.ts";
import type { Extension } from "../resource/extension.ts";
import type { FilterDiscovery } from "../resource/filter_discovery.ts";
import type { HttpFilterConfig } from "../resource/http_connection_manager.ts";
import type { NetworkFilterConfig } from "../resource/listener.ts";
import { routeDisables } from "./route_config.ts";
import type { FilterContext, HttpFilterPlan, HttpLayer } from "./http_filter.ts";

/** Finds the configuration of filters of a name as it is now. */
export type FindExtension = (name: string) => Extension | null;

/** An HTTP filter whose configuration arrives by itself. */
export type DiscoveredHttpFilter = HttpFilterConfig & { readonly discovery: FilterDiscovery };

/** Whether the configuration of a filter arrives by itself. */
export function isDiscovered(filter: HttpFilterConfig): filter is DiscoveredHttpFilter {
  return filter.discovery !== undefined;
}

/**
 * The layer of a filter whose configuration arrives by itself. Each request goes by the newest configuration there is
 * when it comes to the filter and stays with it; a new one replaces this filter alone, nothing else is built again.
 *
 * Without a configuration, and without a default one, requests are refused (`NFCF`), as Envoy refuses them.
 *
 * @param filter The filter in its chain.
 * @param context What filters may use.
 * @param watching Whether this layer stands among those that only watch: of the two layers of a filter, one at each of
 * both places, the one works whose place is right for the configuration.
 */
export function discoveredFilter(filter: DiscoveredHttpFilter, context: FilterContext, watching: boolean): HttpLayer {
  const { name, discovery } = filter;
  const find = context.extension;
  return function discoveredFilter(next) {
    // Nothing is equal to this: the first request finds out what there is.
    let served: Extension | null | undefined = undefined;
    let handler = next;
    return (request, call) => {
      const newest = find === undefined ? null : find(name);
      if (newest !== served) {
        served = newest;
        handler = layerOf(filter, planOf(discovery, newest), context, watching)?.(next) ?? next;
      }
      return handler(request, call);
    };
  };
}

/** `undefined` where there is no configuration; a `null` plan where there is one that is not supported. */
function planOf(
  discovery: FilterDiscovery,
  extension: Extension | null,
): { typeUrl: string; plan: object | null } | null {
  // One that came for another filter of that name: Envoy then goes by the default, too.
  if (extension !== null && discovery.types.has(extension.typeUrl)) {
    return { typeUrl: extension.typeUrl, plan: extension.http };
  }
  return discovery.fallback;
}

function layerOf(
  { name }: DiscoveredHttpFilter,
  config: { typeUrl: string; plan: object | null } | null,
  context: FilterContext,
  watching: boolean,
): HttpLayer | null {
  const plan = config?.plan ?? null;
  if (plan === null || !("create" in plan)) {
    return watching ? null : refuse(name, config === null ? missing(name) : unsupported(name, config.typeUrl));
  }
  const { watches = false } = plan as HttpFilterPlan;
  return watches === watching ? (plan as HttpFilterPlan).create(context, name) : null;
}

function refuse(name: string, message: string): HttpLayer {
  return function withoutConfiguration(next) {
    return (request, call) =>
      routeDisables(call, name)
        ? next(request, call)
        : Promise.reject(new MeshError("FILTER_CONFIG_NOT_FOUND", `Cannot pass the request on: ${message}`));
  };
}

function missing(name: string): string {
  return `the configuration of filter '${name}' has not arrived, or was refused; see 'ecds_filters' in /config_dump`;
}

function unsupported(name: string, typeUrl: string): string {
  return `the mesh requires filter '${name}' (${typeUrl}) here, which this version does not support; set ` +
    `unsupportedFilters: { "${name}": "skip" } to go without it`;
}

/**
 * A network filter with its configuration as it is now: for one whose configuration arrives by itself, what has arrived,
 * and for lack of that one that refuses connections.
 */
export function currentNetworkFilter(
  filter: NetworkFilterConfig,
  find: FindExtension | undefined,
): Exclude<NetworkFilterConfig, { kind: "discovered" }> {
  if (filter.kind !== "discovered") return filter;
  const { name, discovery } = filter;
  const extension = find?.(name) ?? null;
  const arrived = extension !== null && discovery.types.has(extension.typeUrl);
  const typeUrl = arrived ? extension.typeUrl : discovery.fallback?.typeUrl ?? [...discovery.types].join(", ");
  const plan = arrived ? extension.network : discovery.fallback?.plan ?? null;
  return plan === null ? { kind: "unsupported", name, typeUrl } : { kind: "filter", name, typeUrl, plan };
}
