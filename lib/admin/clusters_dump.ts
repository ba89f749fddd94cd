import type { ClusterHostView, ClusterView } from "./admin_view.ts";

/** The text answer of `/clusters`, one fact a line, in Envoy's form. */
export function clustersText(clusters: readonly ClusterView[]): string {
  let out = "";
  for (const cluster of clusters) {
    const line = (rest: string) => out += `${cluster.name}::${rest}\n`;
    line(`observability_name::${cluster.name}`);
    line(`default_priority::max_connections::${cluster.maxConnections}`);
    line(`default_priority::max_pending_requests::${cluster.maxPendingRequests}`);
    line(`default_priority::max_requests::${cluster.maxRequests}`);
    line(`default_priority::max_retries::${cluster.maxRetries}`);
    line(`added_via_api::${cluster.addedViaApi}`);
    if (cluster.edsServiceName !== null) line(`eds_service_name::${cluster.edsServiceName}`);
    for (const host of cluster.hosts) {
      for (const name of Object.keys(host.counters).sort()) line(`${host.address}::${name}::${host.counters[name]}`);
      line(`${host.address}::hostname::${host.hostname}`);
      line(
        `${host.address}::health_flags::${host.healthy ? "healthy" : host.healthFlags.map((f) => `/${f}`).join("")}`,
      );
      line(`${host.address}::weight::${host.weight}`);
      line(`${host.address}::region::${host.region}`);
      line(`${host.address}::zone::${host.zone}`);
      line(`${host.address}::sub_zone::${host.subZone}`);
      line(`${host.address}::priority::${host.priority}`);
    }
  }
  return out;
}

/** The JSON answer of `/clusters?format=json` (`envoy.admin.v3.Clusters`), which istioctl reads. */
export function clustersJson(clusters: readonly ClusterView[]): object {
  return {
    cluster_statuses: clusters.map((cluster) => ({
      name: cluster.name,
      added_via_api: cluster.addedViaApi,
      host_statuses: cluster.hosts.map(hostJson),
      circuit_breakers: {
        thresholds: [{
          max_connections: cluster.maxConnections,
          max_pending_requests: cluster.maxPendingRequests,
          max_requests: cluster.maxRequests,
          max_retries: cluster.maxRetries,
        }],
      },
      observability_name: cluster.name,
      ...(cluster.edsServiceName === null ? {} : { eds_service_name: cluster.edsServiceName }),
    })),
  };
}

/** Counters that go up and down; the others only grow. */
const GAUGES: ReadonlySet<string> = new Set(["cx_active", "rq_active"]);

function hostJson(host: ClusterHostView): object {
  const colon = host.address.lastIndexOf(":");
  const address = host.address.slice(0, colon).replace(/^\[|\]$/g, "");
  return {
    address: { socket_address: { address, port_value: Number(host.address.slice(colon + 1)) } },
    stats: Object.keys(host.counters).sort().map((name) => ({
      ...(GAUGES.has(name) ? { type: "GAUGE" } : {}),
      ...(host.counters[name] === 0 ? {} : { value: String(host.counters[name]) }),
      name,
    })),
    health_status: {
      ...Object.fromEntries(host.healthFlags.map((flag) => [flag, true])),
      eds_health_status: host.healthy ? "HEALTHY" : "UNHEALTHY",
    },
    weight: host.weight,
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    locality: {
      ...(host.region === "" ? {} : { region: host.region }),
      ...(host.zone === "" ? {} : { zone: host.zone }),
      ...(host.subZone === "" ? {} : { sub_zone: host.subZone }),
    },
  };
}
