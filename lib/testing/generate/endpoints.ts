import { encode } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigEndpointV3LbEndpoint as LbEndpoint,
  EnvoyConfigEndpointV3LocalityLbEndpoints as LocalityLbEndpoints,
} from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import { policyFor } from "../kinds/destination_rule.ts";
import { selects } from "../kinds/kind.ts";
import type { ServiceEndpoint } from "../mesh_view.ts";
import type { Locality } from "../proxy_node.ts";
import { canonical, type GenerateContext, type GeneratedResource, parseClusterName } from "./context.ts";

/** The endpoints of a cluster; an unknown cluster gets an empty assignment, as istiod answers. */
export function clusterLoadAssignment(context: GenerateContext, name: string): GeneratedResource {
  const value = encode("envoy.config.endpoint.v3.ClusterLoadAssignment", {
    clusterName: name,
    endpoints: localities(context, name),
  });
  return { name, value };
}

function localities(context: GenerateContext, name: string): LocalityLbEndpoints[] {
  const target = parseClusterName(name);
  const service = target && context.view.service(target.hostname);
  const port = service?.ports.find((item) => item.port === target!.port);
  if (target === undefined || service === undefined || port === undefined) return [];
  const rule = context.view.destinationRule(service.hostname, context.node.namespace);
  const subset = context.view.subset(rule, target.subset);
  if (target.subset !== "" && subset === undefined) return [];
  const { tls, outlierDetection } = policyFor(rule?.value, subset, port.port);
  const groups = new Map<string, ServiceEndpoint[]>();
  for (const endpoint of context.view.endpoints(service, port)) {
    if (!selects(subset?.labels ?? {}, endpoint.labels)) continue;
    const { region, zone, subZone } = endpoint.locality;
    const key = `${region}/${zone}/${subZone}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  const sorted = [...groups.keys()].sort().map((key) => groups.get(key)!);
  // Failover needs somebody to notice the failure: without outlier detection every locality is as good.
  const own = outlierDetection === undefined ? undefined : context.view.localityOf(context.node);
  const priorities = priorityRanks(sorted.map((endpoints) => own === undefined ? 0 : distance(own, endpoints[0]!)));
  return sorted.map((endpoints, index) => ({
    locality: localityOf(endpoints[0]!),
    lbEndpoints: endpoints.map((endpoint) => lbEndpoint(context, endpoint, tls?.mode)),
    loadBalancingWeight: { value: endpoints.length },
    ...(priorities[index] === 0 ? {} : { priority: priorities[index]! }),
  }));
}

/** 0 in the same sub-zone, 1 in the same zone, 2 in the same region, else 3. */
function distance(own: Locality, { locality }: ServiceEndpoint): number {
  if (own.region !== locality.region) return 3;
  if (own.zone !== locality.zone) return 2;
  return own.subZone === locality.subZone ? 0 : 1;
}

/** Priorities without gaps, from 0, as Envoy asks for. */
function priorityRanks(distances: readonly number[]): number[] {
  const ranks = [...new Set(distances)].sort((a, b) => a - b);
  return distances.map((item) => ranks.indexOf(item));
}

function localityOf({ locality: { region, zone, subZone } }: ServiceEndpoint): Record<string, string> {
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { subZone }),
  };
}

function lbEndpoint(context: GenerateContext, endpoint: ServiceEndpoint, tlsMode: string | undefined): LbEndpoint {
  const { service, revision } = canonical(endpoint.labels, endpoint.workload);
  const workload = [endpoint.workload, endpoint.namespace, service, revision, context.view.settings.clusterId];
  return {
    endpoint: { address: { socketAddress: { address: endpoint.address, portValue: endpoint.port } } },
    healthStatus: endpoint.healthy ? "HEALTHY" : "UNHEALTHY",
    metadata: {
      filterMetadata: {
        ...(takesMutualTls(context, endpoint, tlsMode)
          ? { "envoy.transport_socket_match": jsonToStruct({ tlsMode: "istio" }) }
          : {}),
        ...(endpoint.pod === null ? {} : { istio: jsonToStruct({ workload: workload.join(";") }) }),
      },
    },
    loadBalancingWeight: { value: 1 },
  };
}

/** Whether callers meet this endpoint with mutual TLS: it has a proxy, no rule says otherwise, its policy allows it. */
function takesMutualTls(context: GenerateContext, endpoint: ServiceEndpoint, tlsMode: string | undefined): boolean {
  if (tlsMode !== undefined && tlsMode !== "ISTIO_MUTUAL") return false;
  if (endpoint.labels["security.istio.io/tlsMode"] !== "istio") return false;
  return context.view.mtlsMode(endpoint.namespace, endpoint.labels, endpoint.port) !== "DISABLE";
}
