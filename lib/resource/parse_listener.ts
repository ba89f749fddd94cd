import type { SocketAddress } from "../internal/socket_address.ts";
import type { EnvoyConfigListenerV3Listener, EnvoyConfigListenerV3ListenerFilter } from "../protobuf/gen/messages.ts";
import { messageName } from "../protobuf/registry.ts";
import type { ParseResult } from "./common.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { Issues } from "./issues.ts";
import type { Listener, ListenerFilter } from "./listener.ts";
import { parseAccessLogs } from "./parse_access_log.ts";
import { flag, parseDuration, parseEnum, parseMessage, parseSocketAddress, required } from "./parse_common.ts";
import { checkOverlap, parseFilterChain } from "./parse_filter_chain.ts";
import { matchingPorts } from "./port_set.ts";
import { describeFilter, filterConfig } from "./typed_config.ts";

const DIRECTIONS = { UNSPECIFIED: "unspecified", INBOUND: "inbound", OUTBOUND: "outbound" } as const;
const DEFAULT_TIMEOUT_MS = 15_000;

/** Reads `envoy.config.listener.v3.Listener`. */
export function parseListener(bytes: Uint8Array, parsers: FilterParsers): ParseResult<Listener> {
  return parseMessage(
    "envoy.config.listener.v3.Listener",
    bytes,
    (issues, message) => readListener(issues, message, parsers),
  );
}

function readListener(issues: Issues, message: EnvoyConfigListenerV3Listener, parsers: FilterParsers): Listener {
  if (message.apiListener !== undefined) issues.unsupport("api_listener", "api_listener");
  if (message.udpListenerConfig !== undefined) issues.unsupport("udp_listener_config", "udp_listener_config");
  // Chains chosen by a matcher that is not followed would be chosen wrongly: none is left to choose.
  const matcher = message.filterChainMatcher !== undefined;
  if (matcher) issues.unsupport("filter_chain_matcher", "filter_chain_matcher");
  const filterChains = (message.filterChains ?? [])
    .map((chain, index) => parseFilterChain(issues, `filter_chains[${index}]`, chain, parsers));
  const defaultFilterChain = message.defaultFilterChain === undefined
    ? null
    : parseFilterChain(issues, "default_filter_chain", message.defaultFilterChain, parsers);
  if (!matcher) checkOverlap(issues, filterChains);
  if (filterChains.length === 0 && defaultFilterChain === null && message.apiListener === undefined) {
    issues.invalid("filter_chains", "it must not be empty");
  }
  const filters = parseListenerFilters(issues, message.listenerFilters, parsers);
  return {
    name: required(issues, "name", message.name),
    direction: parseEnum(issues, "traffic_direction", message.trafficDirection, DIRECTIONS, "unspecified"),
    address: parseAddress(issues, message),
    additionalAddresses: (message.additionalAddresses ?? [])
      .map((extra, index) => parseSocketAddress(issues, `additional_addresses[${index}].address`, extra.address))
      .filter((address) => address !== null),
    bindToPort: flag(message.bindToPort, true),
    useOriginalDst: flag(message.useOriginalDst, false),
    filterChains: matcher || filters.refuses ? [] : filterChains,
    defaultFilterChain: matcher || filters.refuses ? null : defaultFilterChain,
    tlsInspector: filters.tlsInspector,
    httpInspector: filters.httpInspector,
    listenerFiltersTimeoutMs: parseDuration(
      issues,
      "listener_filters_timeout",
      message.listenerFiltersTimeout,
      DEFAULT_TIMEOUT_MS,
    ),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout ?? false,
    accessLogs: parseAccessLogs(issues, "access_log", message.accessLog),
    unsupported: issues.unsupported,
  };
}

function parseAddress(issues: Issues, message: EnvoyConfigListenerV3Listener): SocketAddress | null {
  if (message.internalListener !== undefined || message.apiListener !== undefined) return null;
  return parseSocketAddress(issues, "address", message.address);
}

type ListenerFilters = Pick<Listener, "tlsInspector" | "httpInspector"> & { refuses: boolean };

const TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
const HTTP_INSPECTOR = "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
const ORIGINAL_DST = "envoy.extensions.filters.listener.original_dst.v3.OriginalDst";

/** A listener filter that is not known might refuse connections: without it every one is refused. */
function parseListenerFilters(
  issues: Issues,
  filters: readonly EnvoyConfigListenerV3ListenerFilter[] | undefined,
  parsers: FilterParsers,
): ListenerFilters {
  let tlsInspector: ListenerFilter | null = null;
  let httpInspector: ListenerFilter | null = null;
  let refuses = false;
  for (const [index, filter] of (filters ?? []).entries()) {
    const path = `listener_filters[${index}]`;
    const name = required(issues, `${path}.name`, filter.name);
    if (parsers.skip.has(name)) continue;
    const disabledPorts = matchingPorts(issues, `${path}.filter_disabled`, filter.filterDisabled);
    const type = filter.typedConfig === undefined
      ? WITHOUT_CONFIG[name]
      : messageName(filter.typedConfig.typeUrl ?? "");
    if (type === TLS_INSPECTOR) tlsInspector = { disabledPorts };
    else if (type === HTTP_INSPECTOR) httpInspector = { disabledPorts };
    else if (type !== ORIGINAL_DST) {
      issues.unsupport(path, describeFilter(filter, filterConfig(issues, path, filter)));
      refuses = true;
    }
  }
  return { tlsInspector, httpInspector, refuses };
}

/** Istio names some listener filters without a configuration. */
const WITHOUT_CONFIG: Readonly<Record<string, string>> = {
  "envoy.filters.listener.tls_inspector": TLS_INSPECTOR,
  "envoy.filters.listener.http_inspector": HTTP_INSPECTOR,
  "envoy.filters.listener.original_dst": ORIGINAL_DST,
};
