import { MeshError } from "../errors.ts";
import type { HttpFilterConfig } from "../resource/http_connection_manager.ts";
import { routeConfig } from "./route_config.ts";
import { watchingPlan } from "./watching_layers.ts";
import type { FilterContext, HttpFilterPlan, HttpLayer } from "./http_filter.ts";

/**
 * The layers of a connection manager's HTTP filters, in its order, without those that only watch.
 *
 * A filter that is required and not supported becomes a layer that refuses every request of that chain (fail closed):
 * the rest of the mesh keeps working, and the message names the filter and the user's way out.
 */
export function httpFilterLayers(filters: readonly HttpFilterConfig[], context: FilterContext): HttpLayer[] {
  const layers: HttpLayer[] = [];
  for (const filter of filters) {
    if (watchingPlan(filter) !== null) continue;
    const layer = layerOf(filter, context);
    if (layer !== null) layers.push(filter.disabled ? whereRoutesWantIt(filter.name, layer) : layer);
  }
  return layers;
}

function layerOf(filter: HttpFilterConfig, context: FilterContext): HttpLayer | null {
  const { plan } = filter;
  if (plan === null) return filter.optional ? null : refuse(filter);
  return isHttpFilterPlan(plan) ? plan.create(context, filter.name) : null;
}

/** A filter that its chain has switched off: on where a route has a configuration for it. */
function whereRoutesWantIt(name: string, layer: HttpLayer): HttpLayer {
  return function switchedOff(next) {
    const filter = layer(next);
    return (request, call) => {
      const found = routeConfig(call, name, isAnyConfig);
      return found.kind === "config" && found.config !== null ? filter(request, call) : next(request, call);
    };
  };
}

function isAnyConfig(_: object): _ is object {
  return true;
}

function isHttpFilterPlan(plan: object): plan is HttpFilterPlan {
  return "create" in plan && typeof plan.create === "function";
}

function refuse(filter: HttpFilterConfig): HttpLayer {
  return function unsupportedFilter() {
    return () =>
      Promise.reject(
        new MeshError(
          "FILTER_CONFIG_NOT_FOUND",
          `Cannot pass the request on: the mesh requires filter '${filter.name}' (${filter.typeUrl}) here, which this ` +
            `version does not support; set unsupportedFilters: { "${filter.name}": "skip" } to go without it`,
        ),
      );
  };
}
