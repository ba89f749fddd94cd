import { MeshError } from "../errors.ts";
import type { HttpFilterConfig } from "../resource/http_connection_manager.ts";
import { discoveredFilter, isDiscovered } from "./discovered_filter.ts";
import { routeDisables, routeEnables } from "./route_config.ts";
import { watchingPlan } from "./watching_layers.ts";
import type { FilterContext, HttpFilterPlan, HttpLayer } from "./http_filter.ts";

/**
 * The layers of a connection manager's HTTP filters, in its order, without those that only watch.
 *
 * A filter that is required and not supported becomes a layer that refuses every request of that chain (fail closed),
 * except where the route switches it off: the rest of the mesh keeps working, and the message names the filter and the
 * user's way out. A filter that is off in the chain runs where the route has configuration for it.
 */
export function httpFilterLayers(filters: readonly HttpFilterConfig[], context: FilterContext): HttpLayer[] {
  const layers: HttpLayer[] = [];
  for (const filter of filters) {
    if (watchingPlan(filter) !== null) continue;
    const layer = layerOf(filter, context);
    if (layer !== null) layers.push(filter.disabled ? whereEnabled(layer, filter.name) : layer);
  }
  return layers;
}

function layerOf(filter: HttpFilterConfig, context: FilterContext): HttpLayer | null {
  const { plan, name } = filter;
  if (isDiscovered(filter)) return discoveredFilter(filter, context, false);
  if (plan === null) return filter.optional ? null : refuse(filter);
  return isHttpFilterPlan(plan) ? plan.create(context, name) : null;
}

function whereEnabled(layer: HttpLayer, name: string): HttpLayer {
  return function whereRouteEnables(next) {
    const filtered = layer(next);
    return (request, call) => (routeEnables(call, name) ? filtered : next)(request, call);
  };
}

function isHttpFilterPlan(plan: object): plan is HttpFilterPlan {
  return "create" in plan && typeof plan.create === "function";
}

function refuse(filter: HttpFilterConfig): HttpLayer {
  return function unsupportedFilter(next) {
    return (request, call) =>
      routeDisables(call, filter.name) ? next(request, call) : Promise.reject(
        new MeshError(
          "FILTER_CONFIG_NOT_FOUND",
          `Cannot pass the request on: the mesh requires filter '${filter.name}' (${filter.typeUrl}) here, which this ` +
            `version does not support; set unsupportedFilters: { "${filter.name}": "skip" } to go without it`,
        ),
      );
  };
}
