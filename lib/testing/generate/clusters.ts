import { encode, packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyExtensionsUpstreamsHttpV3HttpProtocolOptions as HttpProtocolOptions,
} from "../../protobuf/gen/messages.ts";
import { type Json, jsonToStruct } from "../../protobuf/well_known.ts";
import type { DestinationRule, Subset, TrafficPolicy } from "../kinds/destination_rule.ts";
import { policyFor } from "../kinds/destination_rule.ts";
import { isHttp2, type ServicePort } from "../kinds/service.ts";
import type { InboundPort, MeshService, Named } from "../mesh_view.ts";
import { circuitBreakers, connectionOptions, outlierDetection, slowStart } from "./cluster_policy.ts";
import { clusterName, duration, type GenerateContext, type GeneratedResource } from "./context.ts";
import { tcpMetadataExchange } from "./network_filters.ts";
import { originatedTls, outboundMeshTls, rawBuffer } from "./tls.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** One outbound cluster: a port of a service, or of a subset of it. */
interface Target {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: Named<DestinationRule> | undefined;
  readonly subset: Subset | undefined;
  readonly policy: TrafficPolicy;
}

/** Every cluster of a node, outbound ones first. */
export function clusters(context: GenerateContext): GeneratedResource[] {
  const all = [...outboundTargets(context).map((target) => outboundCluster(context, target)), ...fixed(context)];
  return all.map((cluster) => ({ name: cluster.name!, value: encode("envoy.config.cluster.v3.Cluster", cluster) }));
}

/** Names of the clusters that istiod sends with every cluster response, changed or not. */
export function isFixedCluster(name: string): boolean {
  return !name.startsWith("outbound|");
}

function outboundTargets(context: GenerateContext): Target[] {
  const targets: Target[] = [];
  for (const service of context.view.services) {
    const rule = context.view.destinationRule(service.hostname, context.node.namespace);
    for (const port of service.ports) {
      for (const subset of [undefined, ...rule?.value.subsets ?? []]) {
        targets.push({ service, port, rule, subset, policy: policyFor(rule?.value, subset, port.port) });
      }
    }
  }
  return targets;
}

function outboundCluster(context: GenerateContext, target: Target): Cluster {
  const { service, port, subset, policy } = target;
  const name = clusterName(port.port, subset?.name ?? "", service.hostname);
  const headless = service.address === null;
  const options = protocolOptions(target);
  return {
    ...base(name),
    ...(headless ? { type: "ORIGINAL_DST" } : {
      type: "EDS",
      edsClusterConfig: {
        edsConfig: { ads: {}, initialFetchTimeout: {}, resourceApiVersion: "V3" },
        serviceName: name,
      },
    }),
    ...balancer(headless, policy),
    connectTimeout: duration(policy.connectionPool?.connectTimeoutMs ?? 10_000),
    circuitBreakers: circuitBreakers(policy.connectionPool, policy.retryBudget),
    ...slowStart(policy.loadBalancer, policy.warmup),
    ...connectionOptions(policy.connectionPool?.tcpKeepalive),
    ...(policy.outlierDetection === undefined ? {} : { outlierDetection: outlierDetection(policy.outlierDetection) }),
    commonLbConfig: {
      healthyPanicThreshold: policy.outlierDetection?.minHealthPercent === undefined
        ? {}
        : { value: policy.outlierDetection.minHealthPercent },
    },
    metadata: metadata(target),
    ...typedOptions(options),
    ...transport(context, target),
    filters: [tcpMetadataExchange()],
  };
}

function base(name: string, stat = name): Cluster {
  return { name, altStatName: `${stat};`, connectTimeout: { seconds: 10 } };
}

function balancer(headless: boolean, policy: TrafficPolicy): Cluster {
  if (headless || policy.loadBalancer === "PASSTHROUGH") return { lbPolicy: "CLUSTER_PROVIDED" };
  // ROUND_ROBIN is the default of the field and so not on the wire.
  return policy.loadBalancer === "ROUND_ROBIN" ? {} : { lbPolicy: policy.loadBalancer ?? "LEAST_REQUEST" };
}

/** Whether istiod upgrades the cluster to HTTP/2. */
function speaksHttp2({ port, policy }: Target): boolean {
  return isHttp2(port.protocol) || (port.protocol === "http" && policy.connectionPool?.h2Upgrade === true);
}

function protocolOptions(target: Target): HttpProtocolOptions | undefined {
  const { port, policy } = target;
  const pool = policy.connectionPool;
  const common = {
    ...(pool?.httpIdleTimeoutMs === undefined ? {} : { idleTimeout: duration(pool.httpIdleTimeoutMs) }),
    ...(pool?.maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDuration: duration(pool.maxConnectionDurationMs) }),
    ...(pool?.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: { value: pool.maxRequestsPerConnection } }),
  };
  const hasCommon = Object.keys(common).length > 0 || pool?.maxConcurrentStreams !== undefined;
  const upstream = originationNames(policy);
  const http2 = speaksHttp2(target);
  if (!hasCommon && upstream === undefined && !http2 && port.protocol !== "auto") return undefined;
  const streams = pool?.maxConcurrentStreams;
  const http2Options = streams === undefined ? {} : { maxConcurrentStreams: { value: streams } };
  return {
    ...(hasCommon ? { commonHttpProtocolOptions: common } : {}),
    ...(upstream === undefined ? {} : { upstreamHttpProtocolOptions: upstream }),
    ...(port.protocol === "auto"
      ? { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: http2Options } }
      : { explicitHttpConfig: http2 ? { http2ProtocolOptions: http2Options } : { httpProtocolOptions: {} } }),
  };
}

/** TLS origination without a name of its own takes it, and the SAN to expect, from the request. */
function originationNames(policy: TrafficPolicy): HttpProtocolOptions["upstreamHttpProtocolOptions"] {
  const tls = policy.tls;
  if (tls === undefined || (tls.mode !== "SIMPLE" && tls.mode !== "MUTUAL") || tls.sni !== undefined) return undefined;
  const validates = !tls.insecureSkipVerify && tls.subjectAltNames.length === 0;
  return { autoSni: true, ...(validates ? { autoSanValidation: true } : {}) };
}

function transport(context: GenerateContext, target: Target): Cluster {
  const { service, port, subset, policy } = target;
  const tls = policy.tls;
  const sni = `outbound_.${port.port}_.${subset?.name ?? ""}_.${service.hostname}`;
  const alpn = speaksHttp2(target) ? ["istio-peer-exchange", "istio", "h2"] : ["istio-peer-exchange", "istio"];
  switch (tls?.mode) {
    case "DISABLE":
      return {};
    case "ISTIO_MUTUAL": {
      const sans = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : context.view.identities(service);
      return { transportSocket: outboundMeshTls(sans, tls.sni ?? sni, alpn) };
    }
    case "SIMPLE":
    case "MUTUAL":
      return {
        transportSocket: originatedTls({
          clientCertificate: tls.mode === "MUTUAL" && tls.clientCertificate !== undefined
            ? { chain: tls.clientCertificate, key: tls.privateKey ?? "" }
            : undefined,
          caCertificates: tls.caCertificates,
          subjectAltNames: tls.subjectAltNames,
          insecureSkipVerify: tls.insecureSkipVerify,
          sni: tls.sni,
          alpn: speaksHttp2(target) ? ["h2"] : [],
        }),
      };
  }
  // Automatic mutual TLS: off where the namespace's policy turns it off, else by endpoint.
  if (context.view.namespaceMtlsMode(service.namespace) === "DISABLE") return {};
  const socket = outboundMeshTls(context.view.identities(service), sni, alpn);
  if (service.address === null) return { transportSocket: socket };
  return {
    transportSocketMatches: [
      { name: "tlsMode-istio", match: jsonToStruct({ tlsMode: "istio" }), transportSocket: socket },
      { name: "tlsMode-disabled", match: {}, transportSocket: rawBuffer() },
    ],
  };
}

function metadata({ service, rule, subset, policy }: Target): NonNullable<Cluster["metadata"]> {
  const originates = policy.tls?.mode === "SIMPLE" || policy.tls?.mode === "MUTUAL";
  return {
    filterMetadata: {
      istio: jsonToStruct({
        alpn_override: originates ? "false" : undefined,
        config: rule && configPath(rule),
        services: [serviceReference(service)],
        subset: subset?.name,
      }),
    },
  };
}

function serviceReference(service: MeshService): Json {
  return { host: service.hostname, name: service.name, namespace: service.namespace };
}

/** The clusters that do not come from services. */
function fixed(context: GenerateContext): Cluster[] {
  const passthrough: Cluster = {
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    circuitBreakers: circuitBreakers(undefined),
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, {
        commonHttpProtocolOptions: { idleTimeout: { seconds: 300 } },
        useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
      }),
    },
  };
  return [
    { ...base("BlackHoleCluster"), type: "STATIC" },
    { ...base("PassthroughCluster"), ...passthrough, filters: [tcpMetadataExchange()] },
    ...context.view.inboundPorts(context.node).map((port) => inboundCluster(context, port)),
    { ...base("InboundPassthroughCluster", "PassthroughCluster"), ...passthrough, ...FROM_INBOUND },
  ];
}

/** 127.0.0.6 marks connections that already went through the inbound listener. */
const FROM_INBOUND: Cluster = { upstreamBindConfig: { sourceAddress: { address: "127.0.0.6", portValue: 0 } } };

/** To the application behind a port. Limits of a rule for the service hold here too. */
function inboundCluster({ view, node }: GenerateContext, { service, port, targetPort }: InboundPort): Cluster {
  const rule = view.destinationRule(service.hostname, node.namespace);
  const policed = rule?.value.policy === undefined ? undefined : rule;
  const policy = policyFor(policed?.value, undefined, port.port);
  const pool = policy.connectionPool;
  const options = protocolOptions({
    service,
    port,
    rule: policed,
    subset: undefined,
    // The application speaks what its port says: neither an upgrade nor TLS of the callers is meant for it.
    policy: { ...policy, tls: undefined, connectionPool: pool && { ...pool, h2Upgrade: false } },
  });
  return {
    ...base(`inbound|${targetPort}||`),
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    connectTimeout: duration(pool?.connectTimeoutMs ?? 10_000),
    circuitBreakers: circuitBreakers(pool),
    // Longer than any process lives: Go's largest duration in whole seconds, less one.
    cleanupInterval: { seconds: 9_223_372_035 },
    ...FROM_INBOUND,
    ...connectionOptions(pool?.tcpKeepalive),
    commonLbConfig: {},
    metadata: {
      filterMetadata: {
        istio: jsonToStruct({ config: policed && configPath(policed), services: [serviceReference(service)] }),
      },
    },
    ...typedOptions(options),
  };
}

function typedOptions(options: HttpProtocolOptions | undefined): Cluster {
  return options === undefined
    ? {}
    : { typedExtensionProtocolOptions: { [HTTP_OPTIONS]: packAny(HTTP_OPTIONS, options) } };
}

function configPath(rule: Named<DestinationRule>): string {
  return `/apis/networking.istio.io/v1/namespaces/${rule.namespace}/destination-rule/${rule.name}`;
}
