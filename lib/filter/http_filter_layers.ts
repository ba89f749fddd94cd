import { MeshError } from "../errors.ts";
import type { HttpFilterConfig } from "../resource/http_connection_manager.ts";
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
    if (filter.disabled || watchingPlan(filter) !== null) continue;
    if (filter.plan === null) {
      if (!filter.optional) layers.push(refuse(filter));
      continue;
    }
    const named = { ...context, filterName: filter.name };
    const layer = isHttpFilterPlan(filter.plan) ? filter.plan.create(named) : null;
    if (layer !== null) layers.push(layer);
  }
  return layers;
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
