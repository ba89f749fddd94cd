import type {
  EnvoyConfigListenerV3Filter as Filter,
  EnvoyConfigListenerV3FilterChain as FilterChain,
  EnvoyExtensionsFiltersNetworkTcp_proxyV3TcpProxy as TcpProxy,
} from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import { hostsMeet } from "../host_match.ts";
import type { WeightedDestination } from "../kinds/destination.ts";
import type { DestinationRule } from "../kinds/destination_rule.ts";
import { qualify, selects } from "../kinds/kind.ts";
import type { L4Match, L4Route } from "../kinds/l4_route.ts";
import type { ServicePort } from "../kinds/service.ts";
import type { VirtualService } from "../kinds/virtual_service.ts";
import type { MeshService } from "../mesh_view.ts";
import type { Named } from "../named.ts";
import { inMesh } from "../virtual_services.ts";
import { clusterName, duration, type GenerateContext } from "./context.ts";
import { networkExtensions } from "./extensions.ts";
import { tcpProxyFilters } from "./network_filters.ts";

/** The chains of a port whose bytes are not HTTP: by the VirtualServices of its host, else to the service. */
export function l4Chains(context: GenerateContext, service: MeshService, port: ServicePort): FilterChain[] {
  const routed = context.view.virtualServices.visibleTo(context.node.namespace).filter(({ value }) =>
    value.hosts.some((host) => hostsMeet(host, service.hostname))
  );
  const chains = port.protocol === "tls" ? tlsChains(context, routed, port) : tcpChains(context, routed, port);
  // Server names are all that a TLS route can match: the service itself only counts where there is no route.
  if (port.protocol === "tls" ? chains.length > 0 : chains.some(matchesAll)) return chains;
  const rule = context.view.destinationRule(service.hostname, context.node)?.value;
  const filters = toCluster(clusterName(port.port, "", service.hostname), rule, "", extensionsOf(context, port));
  return [...chains, { filters }];
}

/** Whether a chain takes what no other chain takes. */
export function matchesAll({ filterChainMatch }: FilterChain): boolean {
  return filterChainMatch === undefined;
}

function tlsChains(
  context: GenerateContext,
  services: readonly Named<VirtualService>[],
  port: ServicePort,
): FilterChain[] {
  const chains: FilterChain[] = [];
  const seen = new Set<string>();
  for (const service of services) {
    for (const route of service.value.tls) {
      for (const match of route.matches.filter((item) => appliesTo(context, item, port))) {
        const { sniHosts, destinationSubnets } = match;
        const key = `${sniHosts.join()}|${destinationSubnets.join()}`;
        if (seen.has(key)) continue;
        seen.add(key);
        chains.push({
          filterChainMatch: { serverNames: [...sniHosts], ...prefixRanges(destinationSubnets) },
          ...routeChain(context, service, route, port),
        });
      }
    }
  }
  return chains;
}

/** A route ends at its first match of every address; others collect addresses. */
function tcpChains(
  context: GenerateContext,
  services: readonly Named<VirtualService>[],
  port: ServicePort,
): FilterChain[] {
  const chains: FilterChain[] = [];
  for (const service of services) {
    for (const route of service.value.tcp) {
      const matches = route.matches.filter((item) => appliesTo(context, item, port));
      if (route.matches.length > 0 && matches.length === 0) continue;
      if (matches.every(({ destinationSubnets }) => destinationSubnets.length > 0) && matches.length > 0) {
        const subnets = matches.flatMap(({ destinationSubnets }) => destinationSubnets);
        const { filters } = routeChain(context, service, route, port);
        chains.push({ filterChainMatch: prefixRanges(subnets), filters: filters! });
        continue;
      }
      chains.push(routeChain(context, service, route, port));
      return chains;
    }
  }
  return chains;
}

/** The parts of a match that istiod decides itself. */
function appliesTo({ view, node }: GenerateContext, match: L4Match, port: ServicePort): boolean {
  return inMesh(match.gateways) && selects(match.sourceLabels, view.labelsOf(node)) &&
    (match.port === undefined || match.port === port.port) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === node.namespace);
}

function prefixRanges(subnets: readonly string[]): NonNullable<FilterChain["filterChainMatch"]> {
  if (subnets.length === 0) return {};
  return {
    prefixRanges: subnets.map((subnet) => {
      const [address, length] = subnet.split("/") as [string, string | undefined];
      const full = address.includes(":") ? 128 : 32;
      return { addressPrefix: address, prefixLen: { value: length === undefined ? full : Number(length) } };
    }),
  };
}

function routeChain(
  context: GenerateContext,
  service: Named<VirtualService>,
  route: L4Route,
  port: ServicePort,
): FilterChain {
  const { name, namespace } = service;
  const config = `/apis/networking.istio.io/v1/namespaces/${namespace}/virtual-service/${name}`;
  const destinations = route.destinations.map((item) => ({
    ...item,
    host: qualify(item.host, namespace, context.view.settings.domain),
  }));
  const rule = context.view.destinationRule(destinations[0]!.host, context.node)?.value;
  const filters = destinations.length === 1
    ? toCluster(clusterOf(context, destinations[0]!, port), rule, destinations[0]!.subset, extensionsOf(context, port))
    : tcpProxyFilters("outbound", {
      statPrefix: `${name}.${namespace}`,
      weightedClusters: {
        clusters: destinations.filter(({ weight }) => weight > 0).map((item) => ({
          name: clusterOf(context, item, port),
          weight: item.weight,
        })),
      },
      ...connectionPolicy(rule, ""),
    }, extensionsOf(context, port));
  return { metadata: { filterMetadata: { istio: jsonToStruct({ config }) } }, filters };
}

/** Without a port of its own a destination takes its service's only one, else the listener's. */
function clusterOf(context: GenerateContext, { host, subset, port }: WeightedDestination, own: ServicePort): string {
  const ports = context.view.service(host)?.ports ?? [];
  return clusterName(port ?? (ports.length === 1 ? ports[0]!.port : own.port), subset, host);
}

function extensionsOf(context: GenerateContext, { port }: ServicePort): Filter[] {
  return networkExtensions(context, { direction: "outbound", port });
}

function toCluster(
  cluster: string,
  rule: DestinationRule | undefined,
  subset: string,
  extensions: readonly Filter[],
): Filter[] {
  return tcpProxyFilters("outbound", { statPrefix: cluster, cluster, ...connectionPolicy(rule, subset) }, extensions);
}

/** What a rule says about connections: of the host as a whole, but for hash and tunnel of a subset. */
function connectionPolicy(rule: DestinationRule | undefined, subset: string): TcpProxy {
  const pool = rule?.policy?.connectionPool;
  const named = rule?.subsets.find(({ name }) => name === subset)?.policy;
  const hash = (named?.loadBalancer ?? rule?.policy?.loadBalancer)?.consistentHash;
  const tunnel = subset === "" ? rule?.policy?.tunnel : named?.tunnel;
  return {
    ...(pool?.tcpIdleTimeoutMs === undefined ? {} : { idleTimeout: duration(pool.tcpIdleTimeoutMs) }),
    ...(pool?.maxConnectionDurationMs === undefined
      ? {}
      : { maxDownstreamConnectionDuration: duration(pool.maxConnectionDurationMs) }),
    ...(hash?.key.kind === "sourceIp" ? { hashPolicy: [{ sourceIp: {} }] } : {}),
    ...(tunnel === undefined ? {} : {
      tunnelingConfig: {
        hostname: `${
          tunnel.targetHost.includes(":") ? `[${tunnel.targetHost}]` : tunnel.targetHost
        }:${tunnel.targetPort}`,
        ...(tunnel.protocol === "POST" ? { usePost: true } : {}),
      },
    }),
  };
}
