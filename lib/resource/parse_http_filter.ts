import type { EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter } from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { HttpFilterConfig } from "./http_connection_manager.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { required } from "./parse_common.ts";
import { parseFilterDiscovery } from "./parse_filter_discovery.ts";
import { describeFilter, filterConfig } from "./typed_config.ts";

const ROUTER = "envoy.extensions.filters.http.router.v3.Router";

/**
 * Reads the HTTP filters of a chain, without the router that ends it. Unsupported ones stay in the list with a `null`
 * plan, so that whatever runs the chain can refuse.
 */
export function parseHttpFilters(
  issues: Issues,
  path: string,
  filters: readonly EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter[] | undefined,
  parsers: FilterParsers,
): HttpFilterConfig[] {
  const out: HttpFilterConfig[] = [];
  const all = filters ?? [];
  for (const [index, filter] of all.entries()) {
    const filterPath = `${path}[${index}]`;
    const name = required(issues, `${filterPath}.name`, filter.name);
    const config = filterConfig(issues, filterPath, filter);
    const typeUrl = filter.typedConfig?.typeUrl ?? "";
    const last = index === all.length - 1;
    if (config?.messageName === ROUTER) {
      if (!last) issues.invalid(filterPath, "the router must be the last filter", name);
      continue;
    }
    const skipped = parsers.skip.has(name);
    const optional = skipped || (filter.isOptional ?? false);
    const disabled = filter.disabled ?? false;
    if (filter.configDiscovery !== undefined && !skipped) {
      out.push(
        discovered(issues, filterPath, filter, last, parsers, { name, typeUrl: "", plan: null, optional, disabled }),
      );
      continue;
    }
    const parser = skipped || config === null ? undefined : parsers.http.get(config.messageName);
    if (parser === undefined || config === null) {
      // An error in the configuration itself is on record already.
      const broken = filter.typedConfig !== undefined && config === null;
      if (!optional && !broken) issues.unsupport(filterPath, describeFilter(filter, config));
      out.push({ name, typeUrl: config === null ? typeUrl : config.messageName, plan: null, optional, disabled });
      continue;
    }
    if (last) issues.invalid(filterPath, "a filter that ends the chain must follow it, such as the router", name);
    try {
      const plan = parser.parse(config.bytes, config.form);
      out.push({ name, typeUrl: config.messageName, plan, optional, disabled });
    } catch (error) {
      issues.invalid(`${filterPath}.typed_config`, `'${config.messageName}' is not valid (${reasonOf(error)})`);
    }
  }
  return out;
}

/** A filter whose configuration arrives by itself. One that cannot be followed has no plan: the chain refuses. */
function discovered(
  issues: Issues,
  path: string,
  filter: EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter,
  last: boolean,
  { http }: FilterParsers,
  config: HttpFilterConfig,
): HttpFilterConfig {
  const typeUrl = (filter.configDiscovery?.typeUrls ?? []).map(messageName).join(", ");
  // What ends a chain is the router, and that only where it stands in the chain itself.
  if (last) issues.unsupport(path, describeFilter(filter, null));
  const discovery = parseFilterDiscovery(issues, `${path}.config_discovery`, filter.configDiscovery!, http);
  return last || discovery === null ? { ...config, typeUrl, optional: false } : { ...config, typeUrl, discovery };
}

/** Whether the router of a chain is told to say nothing of itself in headers. A router that cannot be read says nothing. */
export function suppressesEnvoyHeaders(
  filters: readonly EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter[] | undefined,
): boolean {
  const any = filters?.at(-1)?.typedConfig;
  if (any === undefined || messageName(any.typeUrl ?? "") !== ROUTER) return false;
  try {
    return unpackAny(ROUTER, any).suppressEnvoyHeaders ?? false;
  } catch {
    return false;
  }
}
