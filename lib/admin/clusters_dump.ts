import type { JsonObject } from "../protobuf/json.ts";
import { parseAddress } from "./address_json.ts";
import type { ClusterHostView, ClusterView, OutlierRatesView } from "./admin_view.ts";
import { LazyList, type Writable } from "./json_writer.ts";

/** The text answer of `/clusters`, one fact a line, in Envoy's form; a piece for each cluster. */
export function* clustersText(clusters: Iterable<ClusterView>): Generator<string> {
  for (const cluster of clusters) {
    const lines = [`observability_name::${cluster.observabilityName}`];
    if (cluster.outlier !== undefined) {
      for (const [prefix, { average, threshold }] of outlierRates(cluster.outlier)) {
        lines.push(`outlier::${prefix}success_rate_average::${general(average)}`);
        lines.push(`outlier::${prefix}success_rate_ejection_threshold::${general(threshold)}`);
      }
    }
    for (const priority of ["default", "high"]) {
      const limits = priority === "default" ? cluster : UNLIMITED_HIGH;
      lines.push(
        `${priority}_priority::max_connections::${limits.maxConnections}`,
        `${priority}_priority::max_pending_requests::${limits.maxPendingRequests}`,
        `${priority}_priority::max_requests::${limits.maxRequests}`,
        `${priority}_priority::max_retries::${limits.maxRetries}`,
      );
    }
    lines.push(`added_via_api::${cluster.addedViaApi}`);
    if (cluster.edsServiceName !== null) lines.push(`eds_service_name::${cluster.edsServiceName}`);
    for (const host of cluster.hosts) lines.push(...hostLines(host).map((line) => `${host.address}::${line}`));
    yield lines.map((line) => `${cluster.name}::${line}\n`).join("");
  }
}

/** Envoy's defaults: istiod sets thresholds of the default priority only, and nothing here uses the high one. */
const UNLIMITED_HIGH = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 };

function hostLines(host: ClusterHostView): string[] {
  return [
    ...Object.keys(host.counters).sort().map((name) => `${name}::${host.counters[name]}`),
    `hostname::${host.hostname}`,
    `health_flags::${host.healthFlags.length === 0 ? "healthy" : host.healthFlags.map((flag) => `/${flag}`).join("")}`,
    `weight::${host.weight}`,
    `region::${host.region}`,
    `zone::${host.zone}`,
    `sub_zone::${host.subZone}`,
    `canary::${host.canary}`,
    `priority::${host.priority}`,
    `success_rate::${host.successRate}`,
    `local_origin_success_rate::${host.localOriginSuccessRate}`,
  ];
}

/** The JSON answer of `/clusters?format=json` (`envoy.admin.v3.Clusters`), which istioctl reads. */
export function clustersJson(clusters: Iterable<ClusterView>): Writable {
  return new Map([["cluster_statuses", new LazyList(statuses(clusters))]]);
}

function* statuses(clusters: Iterable<ClusterView>): Generator<Writable> {
  for (const cluster of clusters) {
    yield {
      name: cluster.name,
      ...(cluster.addedViaApi ? { added_via_api: true } : {}),
      ...(cluster.hosts.length === 0 ? {} : { host_statuses: cluster.hosts.map(hostJson) }),
      circuit_breakers: { thresholds: [thresholds(cluster), { priority: "HIGH", ...thresholds(UNLIMITED_HIGH) }] },
      observability_name: cluster.observabilityName,
      ...(cluster.outlier === undefined ? {} : thresholdsOf(cluster.outlier)),
      ...(cluster.edsServiceName === null ? {} : { eds_service_name: cluster.edsServiceName }),
    };
  }
}

function thresholds(limits: typeof UNLIMITED_HIGH): JsonObject {
  return {
    max_connections: limits.maxConnections,
    max_pending_requests: limits.maxPendingRequests,
    max_requests: limits.maxRequests,
    max_retries: limits.maxRetries,
  };
}

/** Counters that go up and down; the others only grow. */
const GAUGES: ReadonlySet<string> = new Set(["cx_active", "rq_active", "rq_pending_active"]);

/** Health flags whose names in JSON differ. */
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

type Outlier = NonNullable<ClusterView["outlier"]>;

function outlierRates({ external, local }: Outlier): [string, OutlierRatesView][] {
  return [["", external], ["local_origin_", local]];
}

function thresholdsOf(outlier: Outlier): JsonObject {
  const known = outlierRates(outlier).filter(([, { threshold }]) => threshold > 0);
  return Object.fromEntries(
    known.map(([prefix, { threshold }]) => [`${prefix}success_rate_ejection_threshold`, { value: threshold }]),
  );
}

/** A number as `%g` writes it: six digits. */
function general(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function hostJson(host: ClusterHostView): JsonObject {
  const names = Object.keys(host.counters).sort();
  const stats = [...names.filter((name) => !GAUGES.has(name)), ...names.filter((name) => GAUGES.has(name))];
  const flags = host.healthFlags.filter((flag) => !EDS_FLAGS.has(flag)).map((flag) => JSON_FLAGS[flag] ?? flag);
  return {
    address: parseAddress(host.address),
    stats: stats.map((name) => ({
      ...(GAUGES.has(name) ? { type: "GAUGE" } : {}),
      ...(host.counters[name] === 0 ? {} : { value: String(host.counters[name]) }),
      name,
    })),
    health_status: { ...Object.fromEntries(flags.map((flag) => [flag, true])), eds_health_status: edsHealth(host) },
    ...(host.successRate < 0 ? {} : { success_rate: { value: host.successRate } }),
    weight: host.weight,
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    ...(host.localOriginSuccessRate < 0 ? {} : { local_origin_success_rate: { value: host.localOriginSuccessRate } }),
    locality: localityJson(host),
  };
}

function edsHealth({ healthFlags }: ClusterHostView): string {
  return EDS_FLAGS.get(healthFlags.find((flag) => EDS_FLAGS.has(flag)) ?? "") ?? "HEALTHY";
}

/** `envoy.config.core.v3.Locality`. */
export function localityJson(host: Pick<ClusterHostView, "region" | "zone" | "subZone">): JsonObject {
  return {
    ...(host.region === "" ? {} : { region: host.region }),
    ...(host.zone === "" ? {} : { zone: host.zone }),
    ...(host.subZone === "" ? {} : { sub_zone: host.subZone }),
  };
}
