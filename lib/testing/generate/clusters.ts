import { encode, packAny } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigClusterV3ClusterCommonLbConfig as CommonLbConfig,
  EnvoyExtensionsUpstreamsHttpV3HttpProtocolOptions as HttpProtocolOptions,
} from "../../protobuf/gen/messages.ts";
import { type Json, jsonToStruct } from "../../protobuf/well_known.ts";
import type { DestinationRule, Subset } from "../kinds/destination_rule.ts";
import { policyFor } from "../kinds/destination_rule.ts";
import type { TrafficPolicy } from "../kinds/traffic_policy.ts";
import type { InboundPort, MeshService } from "../mesh_view.ts";
import type { Named } from "../named.ts";
import { circuitBreakers, connectionOptions, loadBalancing, outlierDetection } from "./cluster_policy.ts";
import { protocolOptions } from "./cluster_protocol.ts";
import { type ClusterTarget, transport, withholdsTls } from "./cluster_transport.ts";
import { clusterName, duration, type GenerateContext, type GeneratedResource } from "./context.ts";
import { localityRules, weighsLocalities } from "./locality_priorities.ts";
import { tcpMetadataExchange } from "./network_filters.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** One outbound cluster with what it goes by. */
interface Target extends ClusterTarget {
  readonly rule: Named<DestinationRule> | undefined;
  readonly subset: Subset | undefined;
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
    const rule = context.view.destinationRule(service.hostname, context.node);
    for (const port of service.ports) {
      // A subset passes through where its host does, or where it says so, whatever its port's level asks for.
      const hostPasses = service.address === null || isPassthrough(policyFor(rule?.value, undefined, port.port));
      for (const subset of [undefined, ...rule?.value.subsets ?? []]) {
        const policy = policyFor(rule?.value, subset, port.port);
        targets.push({
          service,
          port,
          rule,
          subset,
          policy,
          // Here istiod looks at what is said for all ports, and never at a port's level.
          asksEndpoints: service.address === null ||
            isPassthrough(subset === undefined ? rule?.value.policy : subset.policy),
          passesThrough: hostPasses || isPassthrough(policy) || isPassthrough(subset?.policy),
          selected: rule?.value.workloadSelector !== undefined,
        });
      }
    }
  }
  return targets;
}

/** Whether connections are to go where the application sends them. */
function isPassthrough(policy: TrafficPolicy | undefined): boolean {
  return policy?.loadBalancer?.simple === "PASSTHROUGH";
}

function outboundCluster(context: GenerateContext, target: Target): Cluster {
  const { service, port, subset, policy, passesThrough } = target;
  const name = clusterName(port.port, subset?.name ?? "", service.hostname);
  const { loadBalancer, connectionPool } = policy;
  const { lbPolicy, ...lbConfig } = loadBalancing(loadBalancer);
  return {
    ...base(name),
    ...(passesThrough ? { type: "ORIGINAL_DST" } : {
      type: "EDS",
      edsClusterConfig: {
        edsConfig: { ads: {}, initialFetchTimeout: {}, resourceApiVersion: "V3" },
        serviceName: name,
      },
    }),
    ...(passesThrough
      ? { lbPolicy: "CLUSTER_PROVIDED" }
      : { ...(lbPolicy === undefined ? {} : { lbPolicy }), ...lbConfig }),
    connectTimeout: duration(connectionPool?.connectTimeoutMs ?? 10_000),
    circuitBreakers: circuitBreakers(connectionPool, policy.retryBudget),
    ...connectionOptions(connectionPool?.tcpKeepalive),
    ...(policy.outlierDetection === undefined ? {} : { outlierDetection: outlierDetection(policy.outlierDetection) }),
    commonLbConfig: commonLbConfig(target),
    metadata: metadata(target),
    ...typedOptions(protocolOptions(port.protocol, policy, withholdsTls(target) ? "untouched" : "outbound")),
    ...transport(context, target),
    filters: [tcpMetadataExchange()],
  };
}

function commonLbConfig({ service, policy: { outlierDetection, loadBalancer } }: Target): CommonLbConfig {
  const panic = outlierDetection?.minHealthPercent ?? 0;
  const rules = localityRules(loadBalancer?.locality, service.trafficDistribution, outlierDetection !== undefined);
  return {
    healthyPanicThreshold: panic === 0 ? {} : { value: panic },
    ...(weighsLocalities(rules) ? { localityWeightedLbConfig: {} } : {}),
  };
}

function base(name: string, stat = name): Cluster {
  return { name, altStatName: `${stat};`, connectTimeout: { seconds: 10 } };
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
function inboundCluster(
  { view, node }: GenerateContext,
  { service, services, port, targetPort }: InboundPort,
): Cluster {
  const rule = view.inboundRule(service.hostname, node);
  const policed = rule?.value.policy === undefined ? undefined : rule;
  const policy = policyFor(policed?.value, undefined, port.port);
  const pool = policy.connectionPool;
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
        istio: jsonToStruct({ config: policed && configPath(policed), services: services.map(serviceReference) }),
      },
    },
    // The application speaks what its port says: neither an upgrade nor TLS of the callers is meant for it.
    ...typedOptions(protocolOptions(port.protocol, policy, "inbound")),
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
