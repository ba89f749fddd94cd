import { encode } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigEndpointV3LbEndpoint as LbEndpoint,
  EnvoyConfigEndpointV3LocalityLbEndpoints as LocalityLbEndpoints,
} from "../../protobuf/gen/messages.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import { policyFor } from "../kinds/destination_rule.ts";
import { selects } from "../kinds/kind.ts";
import type { Locality } from "../proxy_node.ts";
import type { ServiceEndpoint } from "../service_endpoints.ts";
import { canonical, type GenerateContext, type GeneratedResource, parseClusterName } from "./context.ts";
import { type LocalityGroup, localityRules, prioritize, weightOf } from "./locality_priorities.ts";

/** The endpoints of a cluster; an unknown cluster gets an empty assignment, as istiod answers. */
export function clusterLoadAssignment(context: GenerateContext, name: string): GeneratedResource {
  const value = encode("envoy.config.endpoint.v3.ClusterLoadAssignment", {
    clusterName: name,
    endpoints: localities(context, name),
  });
  return { name, value };
}

function localities(context: GenerateContext, name: string): LocalityLbEndpoints[] {
  const { view, node } = context;
  const target = parseClusterName(name);
  const service = target && view.service(target.hostname);
  const port = service?.ports.find((item) => item.port === target!.port);
  if (target === undefined || service === undefined || port === undefined) return [];
  const rule = view.destinationRule(service.hostname, node);
  const subset = view.subset(rule, target.subset);
  if (target.subset !== "" && subset === undefined) return [];
  const { tls, outlierDetection, loadBalancer } = policyFor(rule?.value, subset, port.port);
  const own = view.nodeNameOf(node);
  const endpoints = view.endpoints(service, port).filter((endpoint) =>
    selects(subset?.labels ?? {}, endpoint.labels) && (!service.nodeLocal || endpoint.node === own)
  );
  // Failover needs somebody to notice the failure: without outlier detection every locality is as good.
  const rules = localityRules(loadBalancer?.locality, service.trafficDistribution, outlierDetection !== undefined);
  const client = { locality: view.localityOf(node), labels: view.labelsOf(node) };
  return prioritize(byLocality(endpoints), rules, client).map((group) => ({
    locality: localityOf(group.locality),
    lbEndpoints: group.endpoints.map((endpoint) => lbEndpoint(context, endpoint, tls?.mode)),
    loadBalancingWeight: { value: group.weight },
    ...(group.priority === 0 ? {} : { priority: group.priority }),
  }));
}

/** Endpoints by where they are, in istiod's order. */
function byLocality(endpoints: readonly ServiceEndpoint[]): LocalityGroup[] {
  const groups = new Map<string, ServiceEndpoint[]>();
  for (const endpoint of endpoints) {
    const { region, zone, subZone } = endpoint.locality;
    const key = `${region}/${zone}/${subZone}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  return [...groups.keys()].sort().map((key) => {
    const group = groups.get(key)!;
    return { locality: group[0]!.locality, endpoints: group, weight: weightOf(group), priority: 0 };
  });
}

function localityOf({ region, zone, subZone }: Locality): Record<string, string> {
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { subZone }),
  };
}

function lbEndpoint(context: GenerateContext, endpoint: ServiceEndpoint, tlsMode: string | undefined): LbEndpoint {
  const { service, revision } = canonical(endpoint.labels, endpoint.workload);
  // The revision that everybody has is not said.
  const shown = revision === "latest" ? "" : revision;
  const workload = [endpoint.workload, endpoint.namespace, service, shown, context.view.settings.clusterId];
  return {
    endpoint: { address: { socketAddress: { address: endpoint.address, portValue: endpoint.port } } },
    ...(endpoint.healthy === undefined ? {} : { healthStatus: endpoint.healthy ? "HEALTHY" : "UNHEALTHY" }),
    metadata: {
      filterMetadata: {
        ...(takesMutualTls(context, endpoint, tlsMode)
          ? { "envoy.transport_socket_match": jsonToStruct({ tlsMode: "istio" }) }
          : {}),
        ...(!endpoint.known ? {} : { istio: jsonToStruct({ workload: workload.join(";") }) }),
      },
    },
    loadBalancingWeight: { value: endpoint.weight },
  };
}

/** Whether callers meet this endpoint with mutual TLS: it has a proxy, no rule says otherwise, its policy allows it. */
function takesMutualTls(context: GenerateContext, endpoint: ServiceEndpoint, tlsMode: string | undefined): boolean {
  if (tlsMode !== undefined && tlsMode !== "ISTIO_MUTUAL") return false;
  if (!endpoint.mutualTls) return false;
  return context.view.mtlsMode(endpoint.namespace, endpoint.labels, endpoint.port) !== "DISABLE";
}
