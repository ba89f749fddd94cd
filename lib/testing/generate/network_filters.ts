import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigListenerV3Filter,
  EnvoyExtensionsFiltersNetworkTcp_proxyV3TcpProxy as TcpProxy,
  GoogleProtobufAny,
} from "../../protobuf/gen/messages.ts";
import { type Json, jsonToStruct } from "../../protobuf/well_known.ts";

/** A configuration whose type is named in a TypedStruct, as istiod sends its own filters'. */
export function typedStruct(typeName: string, value: Readonly<Record<string, Json>>): GoogleProtobufAny {
  return packAny("udpa.type.v1.TypedStruct", {
    typeUrl: `type.googleapis.com/${typeName}`,
    value: jsonToStruct(value),
  });
}

/** Configuration of the TCP peer exchange, on listeners and on clusters. */
export function tcpMetadataExchange(): { name: string; typedConfig: GoogleProtobufAny } {
  return {
    name: "istio.metadata_exchange",
    typedConfig: typedStruct("envoy.tcp.metadataexchange.config.MetadataExchange", {
      enable_discovery: true,
      protocol: "istio-peer-exchange",
    }),
  };
}

/** The statistics filter, the same configuration for HTTP and TCP. */
export function istioStats(direction: "inbound" | "outbound"): { name: string; typedConfig: GoogleProtobufAny } {
  return {
    name: "istio.stats",
    // An inbound proxy knows its own service and never trusts a Host header for it.
    typedConfig: packAny("stats.PluginConfig", direction === "inbound" ? { disableHostHeaderFallback: true } : {}),
  };
}

/** Filters that carry bytes to one cluster. */
export function tcpFilters(
  direction: "inbound" | "outbound",
  cluster: string,
  extensions: readonly EnvoyConfigListenerV3Filter[] = [],
): EnvoyConfigListenerV3Filter[] {
  return tcpProxyFilters(direction, { statPrefix: cluster, cluster }, extensions);
}

/** Filters that carry bytes as a TCP proxy is told. */
export function tcpProxyFilters(
  direction: "inbound" | "outbound",
  proxy: TcpProxy,
  extensions: readonly EnvoyConfigListenerV3Filter[] = [],
): EnvoyConfigListenerV3Filter[] {
  return [
    ...(direction === "inbound" ? [tcpMetadataExchange()] : []),
    ...extensions,
    istioStats(direction),
    {
      name: "envoy.filters.network.tcp_proxy",
      typedConfig: packAny("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", proxy),
    },
  ];
}
