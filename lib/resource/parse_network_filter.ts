import type { EnvoyConfigListenerV3Filter } from "../protobuf/gen/messages.ts";
import { decode } from "../protobuf/registry.ts";
import { type FilterParsers, STATISTICS_ONLY_NETWORK_FILTERS } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import type { NetworkFilterConfig } from "./listener.ts";
import { required } from "./parse_common.ts";
import { parseFilterDiscovery } from "./parse_filter_discovery.ts";
import { readHttpConnectionManager } from "./parse_http_connection_manager.ts";
import { readTcpProxy } from "./parse_tcp_proxy.ts";
import { describeFilter, filterConfig, type TypedConfig } from "./typed_config.ts";

const HTTP_CONNECTION_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

/** Reads the network filters of a chain. Those that only count are left out, unsupported ones refuse. */
export function parseNetworkFilters(
  issues: Issues,
  path: string,
  filters: readonly EnvoyConfigListenerV3Filter[] | undefined,
  parsers: FilterParsers,
): NetworkFilterConfig[] {
  const out: NetworkFilterConfig[] = [];
  for (const [index, filter] of (filters ?? []).entries()) {
    const filterPath = `${path}[${index}]`;
    const name = required(issues, `${filterPath}.name`, filter.name);
    if (parsers.skip.has(name)) continue;
    if (filter.configDiscovery !== undefined) {
      const path = `${filterPath}.config_discovery`;
      const discovery = parseFilterDiscovery(issues, path, filter.configDiscovery, parsers.network);
      out.push(
        discovery === null
          ? { kind: "unsupported", name, typeUrl: describeFilter(filter, null) }
          : { kind: "discovered", name, discovery },
      );
      continue;
    }
    const config = filterConfig(issues, filterPath, filter);
    if (config === null) {
      // An error in the configuration itself is on record already.
      if (filter.typedConfig === undefined) issues.unsupport(filterPath, describeFilter(filter, config));
      out.push({ kind: "unsupported", name, typeUrl: filter.typedConfig?.typeUrl ?? "" });
    } else if (!STATISTICS_ONLY_NETWORK_FILTERS.has(config.messageName)) {
      out.push(parseOne(issues, filterPath, name, config, parsers));
    }
  }
  checkOrder(issues, path, out);
  return out;
}

function parseOne(
  issues: Issues,
  path: string,
  name: string,
  config: TypedConfig,
  parsers: FilterParsers,
): NetworkFilterConfig {
  const configPath = `${path}.typed_config`;
  const refuse: NetworkFilterConfig = { kind: "unsupported", name, typeUrl: config.messageName };
  try {
    if (config.form === "message" && config.messageName === HTTP_CONNECTION_MANAGER) {
      const message = decode(HTTP_CONNECTION_MANAGER, config.bytes);
      const manager = readHttpConnectionManager(issues, `${configPath}.`, message, parsers);
      return manager === null ? refuse : { kind: "http_connection_manager", name, config: manager };
    }
    if (config.form === "message" && config.messageName === TCP_PROXY) {
      return { kind: "tcp_proxy", name, config: readTcpProxy(issues, configPath, decode(TCP_PROXY, config.bytes)) };
    }
    const parser = parsers.network.get(config.messageName);
    if (parser !== undefined) {
      const plan = parser.parse(config.bytes, config.form);
      return { kind: "filter", name, typeUrl: config.messageName, plan };
    }
  } catch (error) {
    issues.invalid(configPath, `'${config.messageName}' is not valid (${reasonOf(error)})`);
    return refuse;
  }
  issues.unsupport(path, config.messageName);
  return refuse;
}

/** Envoy: what ends a chain stands at its end, and nowhere else. Of an unsupported filter nobody can tell. */
function checkOrder(issues: Issues, path: string, filters: readonly NetworkFilterConfig[]): void {
  for (const [index, filter] of filters.entries()) {
    const terminal = filter.kind === "http_connection_manager" || filter.kind === "tcp_proxy";
    const last = index === filters.length - 1;
    if (terminal && !last) issues.invalid(path, "a filter that ends the chain must be the last one", filter.name);
    if ((filter.kind === "filter" || filter.kind === "discovered") && last) {
      issues.invalid(path, "a filter that ends the chain must follow the last one", filter.name);
    }
  }
}
