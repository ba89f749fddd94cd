import type { ClusterHostView, ClusterView, OutlierRatesView } from "./admin_view.ts";

/** The text answer of `/clusters`, one fact a line, in Envoy's form. */
export function clustersText(clusters: readonly ClusterView[]): string {
  let out = "";
  for (const cluster of clusters) {
    const line = (rest: string) => out += `${cluster.name}::${rest}\n`;
    line(`observability_name::${cluster.name}`);
    if (cluster.outlier !== undefined) {
      for (const [prefix, { average, threshold }] of outlierRates(cluster.outlier)) {
        line(`outlier::${prefix}success_rate_average::${general(average)}`);
        line(`outlier::${prefix}success_rate_ejection_threshold::${general(threshold)}`);
      }
    }
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
        `${host.address}::health_flags::${host.healthFlags.map((flag) => `/${flag}`).join("") || "healthy"}`,
      );
      line(`${host.address}::weight::${host.weight}`);
      line(`${host.address}::region::${host.region}`);
      line(`${host.address}::zone::${host.zone}`);
      line(`${host.address}::sub_zone::${host.subZone}`);
      line(`${host.address}::priority::${host.priority}`);
      line(`${host.address}::success_rate::${host.successRate ?? -1}`);
      line(`${host.address}::local_origin_success_rate::${host.localOriginSuccessRate ?? -1}`);
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
      ...(cluster.outlier === undefined ? {} : Object.fromEntries(
        outlierRates(cluster.outlier).filter(([, { threshold }]) => threshold > 0)
          .map(([prefix, { threshold }]) => [`${prefix}success_rate_ejection_threshold`, { value: threshold }]),
      )),
      ...(cluster.edsServiceName === null ? {} : { eds_service_name: cluster.edsServiceName }),
    })),
  };
}

/** Flags whose names in JSON differ. */
const JSON_FLAGS: Readonly<Record<string, string>> = {
  failed_active_hc: "failed_active_health_check",
  degraded_active_hc: "failed_active_degraded_check",
  degraded_outlier_detection: "failed_degraded_outlier_detection",
};
/** Flags that JSON shows as the health the control plane gives, the worst first. */
const EDS_FLAGS: ReadonlyMap<string, string> = new Map([
  ["eds_status_draining", "DRAINING"],
  ["failed_eds_health", "UNHEALTHY"],
  ["degraded_eds_health", "DEGRADED"],
]);

function outlierRates({ external, local }: NonNullable<ClusterView["outlier"]>): [string, OutlierRatesView][] {
  return [["", external], ["local_origin_", local]];
}

/** A number as `%g` writes it: six digits. */
function general(value: number): string {
  return String(Number(value.toPrecision(6)));
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
      ...Object.fromEntries(
        host.healthFlags.filter((flag) => !EDS_FLAGS.has(flag)).map((flag) => [JSON_FLAGS[flag] ?? flag, true]),
      ),
      eds_health_status: EDS_FLAGS.get(host.healthFlags.find((flag) => EDS_FLAGS.has(flag)) ?? "") ?? "HEALTHY",
    },
    ...((host.successRate ?? -1) < 0 ? {} : { success_rate: { value: host.successRate } }),
    ...((host.localOriginSuccessRate ?? -1) < 0
      ? {}
      : { local_origin_success_rate: { value: host.localOriginSuccessRate } }),
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
