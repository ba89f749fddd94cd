import type { Call } from "../http/call.ts";
import { FILTER_DISABLED } from "../resource/filter_parsers.ts";
import { RouteChoice } from "../router/route_table.ts";

/** What the chosen route says to one filter. */
export type RouteConfig<T> =
  /** The route switches the filter off. */
  | { readonly kind: "disabled" }
  /** The route has configuration of its own, or none (`null`). */
  | { readonly kind: "config"; readonly config: T | null };

const DISABLED = { kind: "disabled" } as const;
const NONE = { kind: "config", config: null } as const;

/**
 * The most specific per-route configuration of a filter, as its own `perRoute` parser made it.
 *
 * @param call The call; before a route is chosen there is no configuration.
 * @param filterName Name of the filter in the chain.
 * @param isConfig Recognises what that parser makes; anything else counts as none.
 */
export function routeConfig<T extends object>(
  call: Call,
  filterName: string,
  isConfig: (value: object) => value is T,
): RouteConfig<T> {
  const found = mostSpecificConfig(call, filterName);
  if (found === undefined) return NONE;
  if (found === FILTER_DISABLED) return DISABLED;
  return isConfig(found) ? { kind: "config", config: found } : NONE;
}

/** What the most specific level of the chosen route says to a filter, whatever it is; `undefined` for nothing. */
function mostSpecificConfig({ chosen }: Call, filterName: string): object | undefined {
  if (chosen === null) return undefined;
  return chosen instanceof RouteChoice
    ? chosen.filterConfig(filterName)
    : chosen.route.perFilterConfig.get(filterName) ?? chosen.virtualHost.perFilterConfig.get(filterName);
}

/** Whether the chosen route switches a filter on that is off in its chain: by any configuration of its own. */
export function routeEnables(call: Call, filterName: string): boolean {
  const found = mostSpecificConfig(call, filterName);
  return found !== undefined && found !== FILTER_DISABLED;
}

/** Whether the chosen route switches a filter off. */
export function routeDisables(call: Call, filterName: string): boolean {
  return mostSpecificConfig(call, filterName) === FILTER_DISABLED;
}

/**
 * The per-route configurations of a filter at every level that has one, most specific first; `null` where the most
 * specific one switches the filter off.
 *
 * @param call The call; before a route is chosen there is no configuration.
 * @param filterName Name of the filter in the chain.
 * @param isConfig Recognises what that parser makes; anything else counts as none.
 */
export function routeConfigs<T extends object>(
  call: Call,
  filterName: string,
  isConfig: (value: object) => value is T,
): T[] | null {
  const { chosen } = call;
  if (chosen === null) return [];
  const found = chosen instanceof RouteChoice
    ? chosen.filterConfigs(filterName)
    : [chosen.route.perFilterConfig.get(filterName), chosen.virtualHost.perFilterConfig.get(filterName)];
  const configs = found.filter((config) => config !== undefined);
  return configs[0] === FILTER_DISABLED ? null : configs.filter(isConfig);
}
