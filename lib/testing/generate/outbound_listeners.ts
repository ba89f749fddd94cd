import { encode, packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigListenerV3FilterChain as FilterChain,
  EnvoyConfigListenerV3Listener as Listener,
} from "../../protobuf/gen/messages.ts";
import { isHttp, type ServicePort } from "../kinds/service.ts";
import type { MeshService } from "../mesh_view.ts";
import type { GenerateContext, GeneratedResource } from "./context.ts";
import { networkExtensions } from "./extensions.ts";
import { outboundHcm } from "./http_connection_manager.ts";
import { l4Chains, matchesAll } from "./l4_chains.ts";
import { tcpFilters } from "./network_filters.ts";

const OUTBOUND_PORT = 15001;

/** One `0.0.0.0_PORT` listener for each HTTP port, one listener for each TCP or detected port, and `virtualOutbound`. */
export function outboundListeners(context: GenerateContext): GeneratedResource[] {
  const listeners = new Map<string, Listener>();
  for (const service of context.view.services) {
    for (const port of service.ports) {
      const http = isHttp(port.protocol);
      // An unnamed address cannot be told from another one of the same port: headless TCP needs one listener a pod.
      const addresses = http ? ["0.0.0.0"] : tcpAddresses(context, service, port);
      for (const address of addresses) {
        const name = `${address}_${port.port}`;
        if (listeners.has(name)) continue;
        listeners.set(name, {
          name,
          address: { socketAddress: { address, portValue: port.port } },
          ...(http ? httpChains(context, name, port) : tcpChains(context, name, service, port)),
          listenerFiltersTimeout: {},
          continueOnListenerFiltersTimeout: true,
          trafficDirection: "OUTBOUND",
          bindToPort: {},
        });
      }
    }
  }
  return [...listeners.values(), virtualOutbound(context)].map((listener) => ({
    name: listener.name!,
    value: encode("envoy.config.listener.v3.Listener", listener),
  }));
}

function tcpAddresses(context: GenerateContext, service: MeshService, port: ServicePort): string[] {
  if (service.address !== null) return [service.address];
  return [...new Set(context.view.endpoints(service, port).map((endpoint) => endpoint.address))];
}

function httpChains(context: GenerateContext, name: string, port: ServicePort): Listener {
  return {
    ...detectedHttp(context, name, String(port.port), port),
    defaultFilterChain: passthroughChain(context),
  };
}

function passthroughChain(context: GenerateContext): FilterChain {
  return {
    filterChainMatch: {},
    filters: tcpFilters("outbound", passthroughCluster(context)),
    name: "PassthroughFilterChain",
  };
}

function tcpChains(context: GenerateContext, name: string, service: MeshService, port: ServicePort): Listener {
  const chains = l4Chains(context, service, port).map((chain) => ({
    ...chain,
    transportSocketConnectTimeout: { seconds: 15 },
  }));
  const inspectors = chains.some(({ filterChainMatch }) => filterChainMatch?.serverNames !== undefined)
    ? { listenerFilters: [TLS_INSPECTOR] }
    : {};
  if (port.protocol === "auto") {
    const { filterChains, listenerFilters } = detectedHttp(
      context,
      name,
      `${service.hostname}:${port.port}`,
      port,
    );
    const rest = chains.find(matchesAll);
    return {
      filterChains: [...filterChains!, ...chains.filter((chain) => !matchesAll(chain))],
      listenerFilters: listenerFilters!,
      ...(rest === undefined ? {} : { defaultFilterChain: rest }),
    };
  }
  if (chains.length === 1 && matchesAll(chains[0]!)) return { filterChains: chains };
  // What no chain matches goes to the service, or is none of this service's.
  const rest = chains.find(matchesAll) ?? passthroughChain(context);
  return { filterChains: chains.filter((chain) => !matchesAll(chain)), defaultFilterChain: rest, ...inspectors };
}

const TLS_INSPECTOR = {
  name: "envoy.filters.listener.tls_inspector",
  typedConfig: packAny("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", {
    initialReadBufferSize: { value: 512 },
  }),
};

/** A chain for what the inspector takes for HTTP. */
function detectedHttp(context: GenerateContext, name: string, route: string, port: ServicePort): Listener {
  return {
    filterChains: [{
      filterChainMatch: { transportProtocol: "raw_buffer", applicationProtocols: ["http/1.1", "h2c"] },
      filters: [
        ...networkExtensions(context, { direction: "outbound", port: port.port }),
        outboundHcm(context, name, route, port),
      ],
      transportSocketConnectTimeout: { seconds: 15 },
    }],
    listenerFilters: [{
      name: "envoy.filters.listener.http_inspector",
      typedConfig: packAny("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", {}),
    }],
  };
}

function virtualOutbound(context: GenerateContext): Listener {
  return {
    name: "virtualOutbound",
    address: { socketAddress: { address: "0.0.0.0", portValue: OUTBOUND_PORT } },
    filterChains: [
      {
        filterChainMatch: { destinationPort: { value: OUTBOUND_PORT } },
        filters: tcpFilters("outbound", "BlackHoleCluster"),
        name: "virtualOutbound-blackhole",
      },
      { filters: tcpFilters("outbound", passthroughCluster(context)), name: "virtualOutbound-catchall-tcp" },
    ],
    useOriginalDst: { value: true },
    trafficDirection: "OUTBOUND",
    maxConnectionsToAcceptPerSocketEvent: { value: 1 },
  };
}

function passthroughCluster(context: GenerateContext): string {
  return context.view.settings.outboundTrafficPolicy === "ALLOW_ANY" ? "PassthroughCluster" : "BlackHoleCluster";
}
