import { encode, packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigListenerV3Filter,
  EnvoyConfigListenerV3FilterChain as FilterChain,
  EnvoyConfigListenerV3FilterChainMatch as FilterChainMatch,
  EnvoyConfigListenerV3ListenerFilter as ListenerFilter,
  EnvoyConfigListenerV3ListenerFilterChainMatchPredicate as Predicate,
  EnvoyConfigRouteV3RouteConfiguration,
} from "../../protobuf/gen/messages.ts";
import type { MtlsMode } from "../kinds/peer_authentication.ts";
import { isHttp, type PortProtocol } from "../kinds/service.ts";
import type { InboundPort } from "../mesh_view.ts";
import type { GenerateContext, GeneratedResource } from "./context.ts";
import { networkExtensions } from "./extensions.ts";
import { inboundHcm } from "./http_connection_manager.ts";
import { tcpFilters, tcpMetadataExchange } from "./network_filters.ts";
import { inboundTls } from "./tls.ts";

const INBOUND_PORT = 15006;
const PASSTHROUGH = "InboundPassthroughCluster";
const ISTIO_HTTP = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
const ISTIO_TCP = ["istio-peer-exchange", "istio"];
const ISTIO_ANY = ["istio", "istio-peer-exchange", ...ISTIO_HTTP];
const PLAINTEXT_HTTP = ["http/1.1", "h2c"];

/** One kind of connection a port takes: which bytes select it, whether mutual TLS ends here, and what it carries. */
interface ChainKind {
  readonly transport: "tls" | "raw_buffer";
  /** Empty for any. */
  readonly alpn: readonly string[];
  readonly terminates: boolean;
  readonly http: boolean;
}

/** The chains of a port by mode and protocol, in istiod's order. */
function chainKinds(mode: MtlsMode, protocol: PortProtocol): ChainKind[] {
  const auto = protocol === "auto";
  const http = isHttp(protocol);
  if (mode === "STRICT") {
    return [
      ...(auto ? [{ transport: "tls" as const, alpn: ISTIO_HTTP, terminates: true, http: true }] : []),
      { transport: "tls", alpn: [], terminates: true, http },
    ];
  }
  if (mode === "DISABLE") {
    return [
      ...(auto ? [{ transport: "raw_buffer" as const, alpn: PLAINTEXT_HTTP, terminates: false, http: true }] : []),
      { transport: "raw_buffer", alpn: [], terminates: false, http },
    ];
  }
  if (auto) {
    return [
      { transport: "tls", alpn: ISTIO_HTTP, terminates: true, http: true },
      { transport: "raw_buffer", alpn: PLAINTEXT_HTTP, terminates: false, http: true },
      { transport: "tls", alpn: ISTIO_TCP, terminates: true, http: false },
      { transport: "raw_buffer", alpn: [], terminates: false, http: false },
      // TLS of the application's own.
      { transport: "tls", alpn: [], terminates: false, http: false },
    ];
  }
  return [
    { transport: "tls", alpn: ISTIO_ANY, terminates: true, http },
    ...(http ? [] : [{ transport: "tls" as const, alpn: [], terminates: false, http: false }]),
    { transport: "raw_buffer", alpn: [], terminates: false, http },
  ];
}

/** `virtualInbound`: everything the workload receives. */
export function inboundListener(context: GenerateContext): GeneratedResource {
  const { view, node } = context;
  const labels = view.labelsOf(node);
  const ports = view.inboundPorts(node);
  const served = new Set(ports.map((port) => port.targetPort));
  const portPolicies = view.mtlsPorts(node.namespace, labels).filter((port) => !served.has(port));
  const kinds: PortKinds[] = [];
  const take = (port: InboundPort | null, number: number | undefined): FilterChain[] => {
    const mode = view.mtlsMode(node.namespace, labels, number);
    const chains = chainKinds(mode, port === null ? "auto" : port.port.protocol);
    kinds.push({ port: number, chains });
    return chains.map((kind) => chain(context, port, number, kind));
  };
  const filterChains = [
    {
      filterChainMatch: { destinationPort: { value: INBOUND_PORT } },
      filters: tcpFilters("inbound", "BlackHoleCluster"),
      name: "virtualInbound-blackhole",
    },
    ...take(null, undefined),
    ...portPolicies.flatMap((number) => take(null, number)),
    ...ports.flatMap((port) => take(port, port.targetPort)),
  ];
  const value = encode("envoy.config.listener.v3.Listener", {
    name: "virtualInbound",
    address: { socketAddress: { address: "0.0.0.0", portValue: INBOUND_PORT } },
    filterChains,
    listenerFilters: listenerFilters(kinds),
    listenerFiltersTimeout: {},
    continueOnListenerFiltersTimeout: true,
    trafficDirection: "INBOUND",
    maxConnectionsToAcceptPerSocketEvent: { value: 1 },
  });
  return { name: "virtualInbound", value };
}

function chain(
  context: GenerateContext,
  port: InboundPort | null,
  number: number | undefined,
  kind: ChainKind,
): FilterChain {
  const match: FilterChainMatch = {
    ...(number === undefined ? {} : { destinationPort: { value: number } }),
    transportProtocol: kind.transport,
    ...(kind.alpn.length === 0 ? {} : { applicationProtocols: [...kind.alpn] }),
  };
  const alpn = kind.http ? ["h2", "http/1.1"] : ["istio-peer-exchange", "h2", "http/1.1"];
  const passthrough = kind.http ? "virtualInbound-catchall-http" : "virtualInbound";
  return {
    filterChainMatch: match,
    filters: kind.http
      ? httpFilters(context, port, number ?? 0)
      : tcpFilters("inbound", clusterOf(port), networkExtensions(context, { direction: "inbound", port: number ?? 0 })),
    ...(kind.terminates ? { transportSocket: inboundTls(context.view.settings.trustDomain, alpn) } : {}),
    name: port === null ? passthrough : `0.0.0.0_${port.targetPort}`,
  };
}

function clusterOf(port: InboundPort | null): string {
  return port === null ? PASSTHROUGH : `inbound|${port.targetPort}||`;
}

function httpFilters(
  context: GenerateContext,
  port: InboundPort | null,
  number: number,
): EnvoyConfigListenerV3Filter[] {
  const prefix = port === null ? `${PASSTHROUGH};` : `inbound_0.0.0.0_${port.targetPort};`;
  return [
    tcpMetadataExchange(),
    ...networkExtensions(context, { direction: "inbound", port: number }),
    inboundHcm(context, prefix, inboundRoutes(port), port?.port.protocol ?? "auto", number),
  ];
}

function inboundRoutes(port: InboundPort | null): EnvoyConfigRouteV3RouteConfiguration {
  const cluster = clusterOf(port);
  const servicePort = port?.port.port ?? 0;
  return {
    name: cluster,
    virtualHosts: [{
      name: `inbound|http|${servicePort}`,
      domains: ["*"],
      routes: [{
        name: "default",
        match: { prefix: "/" },
        route: {
          cluster,
          timeout: {},
          maxStreamDuration: { maxStreamDuration: {}, grpcTimeoutHeaderMax: {} },
          ...(port?.port.protocol === "grpc"
            ? {}
            : { retryPolicy: { retryOn: "reset-before-request", numRetries: { value: 2 } } }),
        },
        decorator: { operation: `${port?.service.hostname ?? ""}:${servicePort}/*` },
      }],
    }],
    validateClusters: {},
  };
}

/** The chains of one port, `undefined` for every port that no other entry names. */
interface PortKinds {
  readonly port: number | undefined;
  readonly chains: readonly ChainKind[];
}

function listenerFilters(kinds: readonly PortKinds[]): ListenerFilter[] {
  const tls = needing(kinds, (chain) => chain.transport === "tls");
  const http = needing(kinds, (chain) => chain.transport === "raw_buffer" && chain.alpn.length > 0);
  return [
    {
      name: "envoy.filters.listener.original_dst",
      typedConfig: packAny("envoy.extensions.filters.listener.original_dst.v3.OriginalDst", {}),
    },
    ...(tls === null ? [] : [{
      name: "envoy.filters.listener.tls_inspector",
      typedConfig: packAny("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", {
        initialReadBufferSize: { value: 512 },
      }),
      filterDisabled: tls,
    }]),
    ...(http === null ? [] : [{
      name: "envoy.filters.listener.http_inspector",
      typedConfig: packAny("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", {}),
      filterDisabled: http,
    }]),
  ];
}

/**
 * On which ports a listener filter is off; `null` when no port needs it. Port 0 stands for all that have no entry of
 * their own, as istiod writes it (Envoy takes it literally, so that the filter then runs on those ports too).
 */
function needing(kinds: readonly PortKinds[], needs: (chain: ChainKind) => boolean): Predicate | null {
  if (!kinds.some(({ chains }) => chains.some(needs))) return null;
  const without = kinds.filter(({ chains }) => !chains.some(needs)).map(({ port }) => port ?? 0);
  const rules = [...without, INBOUND_PORT].map(portRule);
  return rules.length === 1 ? rules[0]! : { orMatch: { rules } };
}

function portRule(port: number): Predicate {
  return { destinationPortRange: { ...(port === 0 ? {} : { start: port }), end: port + 1 } };
}
