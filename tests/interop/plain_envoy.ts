/** Makes what istiod sends digestible for an Envoy that was not built by Istio: filters that only Istio's has are left out. */
import type { EnvoyConfigListenerV3FilterChain, GoogleProtobufAny } from "../../lib/protobuf/gen/messages.ts";
import { decode, encode, messageName, packAny, unpackAny } from "../../lib/protobuf/registry.ts";

const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ISTIO = /^(stats|istio|io\.istio|envoy\.tcp\.metadataexchange)\./;

/** A cluster without Istio's own filters. */
export function plainCluster(bytes: Uint8Array): Uint8Array {
  const cluster = decode("envoy.config.cluster.v3.Cluster", bytes);
  return encode("envoy.config.cluster.v3.Cluster", { ...cluster, filters: withoutIstio(cluster.filters ?? []) });
}

/** A listener without Istio's own filters. */
export function plainListener(bytes: Uint8Array): Uint8Array {
  const listener = decode("envoy.config.listener.v3.Listener", bytes);
  return encode("envoy.config.listener.v3.Listener", {
    ...listener,
    filterChains: (listener.filterChains ?? []).map(plainChain),
    ...(listener.defaultFilterChain === undefined
      ? {}
      : { defaultFilterChain: plainChain(listener.defaultFilterChain) }),
  });
}

function plainChain(chain: EnvoyConfigListenerV3FilterChain): EnvoyConfigListenerV3FilterChain {
  const filters = withoutIstio(chain.filters ?? []).map((filter) => {
    if (messageName(filter.typedConfig?.typeUrl ?? "") !== MANAGER) return filter;
    const manager = unpackAny(MANAGER, filter.typedConfig!);
    return {
      ...filter,
      typedConfig: packAny(MANAGER, { ...manager, httpFilters: withoutIstio(manager.httpFilters ?? []) }),
    };
  });
  return { ...chain, filters };
}

function withoutIstio<F extends { typedConfig?: GoogleProtobufAny }>(filters: readonly F[]): F[] {
  return filters.filter(({ typedConfig }) => typedConfig === undefined || !ISTIO.test(typeName(typedConfig)));
}

function typeName(any: GoogleProtobufAny): string {
  const name = messageName(any.typeUrl ?? "");
  if (name !== "udpa.type.v1.TypedStruct" && name !== "xds.type.v3.TypedStruct") return name;
  return messageName(unpackAny(name, any).typeUrl ?? "");
}
