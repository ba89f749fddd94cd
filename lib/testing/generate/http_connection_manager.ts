import { packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigListenerV3Filter,
  EnvoyConfigRouteV3RouteConfiguration,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpConnectionManager as HttpConnectionManager,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpConnectionManagerTracing as Tracing,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter as HttpFilter,
  EnvoyTypeTracingV3CustomTag as CustomTag,
} from "../../protobuf/gen/messages.ts";
import type { Json } from "../../protobuf/well_known.ts";
import { isHttp2, type PortProtocol, type ServicePort } from "../kinds/service.ts";
import type { GenerateContext } from "./context.ts";
import { httpExtensions } from "./extensions.ts";
import { istioStats, typedStruct } from "./network_filters.ts";

/** The connection manager of an outbound listener of that port, with routes by RDS. */
export function outboundHcm(
  context: GenerateContext,
  listener: string,
  route: string,
  { port, protocol }: ServicePort,
): EnvoyConfigListenerV3Filter {
  return hcm(context, {
    statPrefix: `outbound_${listener};`,
    rds: {
      configSource: { ads: {}, initialFetchTimeout: {}, resourceApiVersion: "V3" },
      routeConfigName: route,
    },
    httpFilters: httpFilters("outbound", protocol, httpExtensions(context, { direction: "outbound", port })),
  });
}

/** The connection manager of an inbound chain, with its routes inline. */
export function inboundHcm(
  context: GenerateContext,
  statPrefix: string,
  routeConfig: EnvoyConfigRouteV3RouteConfiguration,
  protocol: PortProtocol,
  port: number,
): EnvoyConfigListenerV3Filter {
  return hcm(context, {
    statPrefix,
    routeConfig,
    httpFilters: httpFilters("inbound", protocol, httpExtensions(context, { direction: "inbound", port })),
    serverName: "istio-envoy",
    forwardClientCertDetails: "APPEND_FORWARD",
    setCurrentClientCertDetails: { subject: { value: true }, dns: true, uri: true },
    ...(isHttp2(protocol) ? { http2ProtocolOptions: {} } : {}),
  });
}

function hcm(context: GenerateContext, own: HttpConnectionManager): EnvoyConfigListenerV3Filter {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typedConfig: packAny("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      ...own,
      tracing: tracing(context),
      streamIdleTimeout: {},
      useRemoteAddress: {},
      proxy_100Continue: true,
      upgradeConfigs: [{ upgradeType: "websocket" }],
      normalizePath: { value: true },
      pathWithEscapedSlashesAction: "KEEP_UNCHANGED",
      requestIdExtension: {
        typedConfig: packAny("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", {
          useRequestIdForTraceSampling: { value: true },
        }),
      },
    }),
  };
}

/** The filters istiod sends, in its order. */
function httpFilters(
  direction: "inbound" | "outbound",
  protocol: PortProtocol,
  extensions: readonly HttpFilter[],
): HttpFilter[] {
  return [
    {
      name: "istio.metadata_exchange",
      typedConfig: typedStruct("io.istio.http.peer_metadata.Config", peerMetadata(direction)),
    },
    ...extensions,
    ...(protocol === "grpc-web"
      ? [{
        name: "envoy.filters.http.grpc_web",
        typedConfig: packAny("envoy.extensions.filters.http.grpc_web.v3.GrpcWeb", {}),
      }]
      : []),
    {
      name: "envoy.filters.http.grpc_stats",
      typedConfig: packAny("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", {
        emitFilterState: true,
        statsForAllMethods: {},
      }),
    },
    ...(direction === "outbound" ? [alpnFilter()] : []),
    { name: "envoy.filters.http.fault", typedConfig: packAny("envoy.extensions.filters.http.fault.v3.HTTPFault", {}) },
    { name: "envoy.filters.http.cors", typedConfig: packAny("envoy.extensions.filters.http.cors.v3.Cors", {}) },
    istioStats(direction),
    { name: "envoy.filters.http.router", typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}) },
  ];
}

function peerMetadata(direction: "inbound" | "outbound"): Record<string, Json> {
  const side = direction === "outbound" ? "upstream" : "downstream";
  return {
    [`${side}_discovery`]: [{ istio_headers: {} }, { workload_discovery: {} }],
    [`${side}_propagation`]: [{ istio_headers: {} }],
  };
}

function alpnFilter(): HttpFilter {
  return {
    name: "istio.alpn",
    typedConfig: packAny("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", {
      alpnOverride: [
        { alpnOverride: ["istio-http/1.0", "istio", "http/1.0"] },
        { upstreamProtocol: "HTTP11", alpnOverride: ["istio-http/1.1", "istio", "http/1.1"] },
        { upstreamProtocol: "HTTP2", alpnOverride: ["istio-h2", "istio", "h2"] },
      ],
    }),
  };
}

function tracing({ view, node }: GenerateContext): Tracing {
  // Traces know the workload by what sidecar injection wrote, and by nothing else.
  const labels = view.labelsOf(node);
  const service = labels["service.istio.io/canonical-name"] ?? "unknown";
  const revision = labels["service.istio.io/canonical-revision"] ?? "latest";
  return {
    clientSampling: { value: 100 },
    randomSampling: { value: 1 },
    overallSampling: { value: 100 },
    customTags: [
      dryRunTag("allow_policy.name", "allow_shadow_effective_policy_id"),
      dryRunTag("allow_policy.result", "allow_shadow_engine_result"),
      dryRunTag("deny_policy.name", "deny_shadow_effective_policy_id"),
      dryRunTag("deny_policy.result", "deny_shadow_engine_result"),
      { tag: "istio.canonical_revision", literal: { value: revision } },
      { tag: "istio.canonical_service", literal: { value: service } },
      { tag: "istio.cluster_id", literal: { value: node.clusterId } },
      { tag: "istio.mesh_id", literal: { value: node.meshId } },
      { tag: "istio.namespace", literal: { value: node.namespace } },
    ],
  };
}

function dryRunTag(tag: string, key: string): CustomTag {
  return {
    tag: `istio.authorization.dry_run.${tag}`,
    metadata: {
      kind: { request: {} },
      metadataKey: { key: "envoy.filters.http.rbac", path: [{ key: `istio_dry_run_${key}` }] },
    },
  };
}
