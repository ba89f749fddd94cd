import type { JsonObject } from "../protobuf/json.ts";
import { parseAddress } from "./address_json.ts";
import type { AdminView, ClusterHostView, ClusterView } from "./admin_view.ts";
import { localityJson } from "./clusters_dump.ts";
import type { DumpItem } from "./config_dump_sections.ts";

const TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/** The endpoints of `/config_dump?include_eds`: as in Envoy those in use, with their health, not as they were sent. */
export function* endpointConfigs(view: AdminView, matches: (name: string) => boolean): Generator<DumpItem> {
  for (const cluster of view.clusters()) {
    const name = cluster.edsServiceName ?? cluster.name;
    if (matches(name)) yield new Map([["endpoint_config", assignment(name, cluster)]]);
  }
}

function assignment(name: string, { hosts, overprovisioningFactor }: ClusterView): JsonObject {
  const localities = Map.groupBy(
    hosts,
    ({ priority, region, zone, subZone }) => JSON.stringify([priority, region, zone, subZone]),
  );
  const endpoints = [...localities.values()].sort(([a], [b]) => a!.priority - b!.priority).map(locality);
  return {
    "@type": TYPE,
    cluster_name: name,
    ...(endpoints.length === 0 ? {} : { endpoints }),
    policy: { overprovisioning_factor: overprovisioningFactor },
  };
}

function locality(hosts: readonly ClusterHostView[]): JsonObject {
  const { priority, localityWeight, ...place } = hosts[0]!;
  return {
    locality: localityJson(place),
    lb_endpoints: hosts.map(endpoint),
    ...(localityWeight === null ? {} : { load_balancing_weight: localityWeight }),
    ...(priority === 0 ? {} : { priority }),
  };
}

function endpoint(host: ClusterHostView): JsonObject {
  return {
    endpoint: {
      address: parseAddress(host.address),
      health_check_config: {},
      ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    },
    health_status: host.healthy ? "HEALTHY" : host.healthFlags.some(isGrave) ? "UNHEALTHY" : "DEGRADED",
    metadata: Object.keys(host.metadata).length === 0 ? {} : { filter_metadata: { ...host.metadata } },
    load_balancing_weight: host.weight,
  };
}

function isGrave(flag: string): boolean {
  return flag.startsWith("failed_") || flag === "eds_status_draining";
}
