import type { HttpFilterConfig } from "../resource/http_connection_manager.ts";
import { discoveredFilter, isDiscovered } from "./discovered_filter.ts";
import type { FilterContext, HttpFilterPlan, HttpLayer } from "./http_filter.ts";

/** The plan of a filter that only watches (`HttpFilterPlan.watches`), `null` for any other. */
export function watchingPlan(filter: HttpFilterConfig): HttpFilterPlan | null {
  const { plan } = filter;
  return plan !== null && "watches" in plan && plan.watches === true && "create" in plan &&
      typeof plan.create === "function"
    ? plan as HttpFilterPlan
    : null;
}

/**
 * The layers of a connection manager's filters that only watch: they belong outermost in the stack, around the route
 * choice and local replies, and so are not among the layers of the other filters.
 */
export function watchingLayers(filters: readonly HttpFilterConfig[], context: FilterContext): HttpLayer[] {
  const layers: HttpLayer[] = [];
  for (const filter of filters) {
    if (filter.disabled) continue;
    const layer = isDiscovered(filter)
      ? discoveredFilter(filter, context, true)
      : watchingPlan(filter)?.create(context) ?? null;
    if (layer !== null) layers.push(layer);
  }
  return layers;
}
