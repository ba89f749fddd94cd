import type { ClusterHostView, ClusterView } from "./admin/admin_view.ts";
import { formatAddress } from "./internal/socket_address.ts";
import type { Json } from "./protobuf/well_known.ts";
import { WireReader } from "./protobuf/wire_reader.ts";
import type { Cluster } from "./resource/cluster.ts";
import type { ClusterLoadAssignment, LocalityEndpoints } from "./resource/endpoint.ts";
import { UpstreamHost } from "./upstream/host.ts";
import type { UpstreamCluster } from "./upstream/upstream_cluster.ts";

/** What `/clusters` shows of one cluster. */
export interface ClusterViewSources {
  readonly cluster: Cluster;
  /** Its message; `null` where that is not there any more. */
  readonly bytes: Uint8Array | null;
  /** Its endpoints as the control plane sent them; `null` before they came. */
  readonly assignment: ClusterLoadAssignment | null;
  /** The cluster at run time; `null` where nobody has used it yet. */
  readonly upstream: UpstreamCluster | null;
}

/** The view of one cluster for the admin interface. */
export function clusterView({ cluster, bytes, assignment, upstream }: ClusterViewSources): ClusterView {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = cluster.circuitBreakers;
  return {
    name: cluster.name,
    observabilityName: (bytes === null ? "" : altStatName(bytes)) || cluster.name,
    edsServiceName: cluster.edsServiceName,
    addedViaApi: true,
    maxConnections,
    maxPendingRequests,
    maxRequests,
    maxRetries,
    ...(cluster.outlierDetection === null ? {} : {
      outlier: {
        external: upstream?.outliers?.rates("external") ?? UNKNOWN_RATES,
        local: upstream?.outliers?.rates("local") ?? UNKNOWN_RATES,
      },
    }),
    overprovisioningFactor: assignment?.overprovisioningFactor ?? 140,
    hosts: upstream === null ? idleHosts(assignment) : usedHosts(upstream, assignment),
  };
}

/** `alt_stat_name` of a cluster on the wire; empty for none. Nothing but `/clusters` shows it. */
function altStatName(cluster: Uint8Array): string {
  const reader = new WireReader(cluster);
  while (reader.next()) if (reader.field === 28) return reader.string();
  return "";
}

const UNKNOWN_RATES = { average: -1, threshold: -1 };

/** Hosts of a cluster that nobody has used yet: as the control plane sent them. */
function idleHosts(assignment: ClusterLoadAssignment | null): ClusterHostView[] {
  const plaintext = { kind: "plaintext" } as const;
  return (assignment?.localities ?? []).flatMap((locality) =>
    locality.endpoints.map((endpoint) => hostView(new UpstreamHost(endpoint, plaintext, endpoint.key), locality, null))
  );
}

function usedHosts(upstream: UpstreamCluster, assignment: ClusterLoadAssignment | null): ClusterHostView[] {
  const places = new Map<string, LocalityEndpoints>();
  for (const locality of assignment?.localities ?? []) {
    for (const { key } of locality.endpoints) places.set(key, locality);
  }
  return Array.from(upstream.hosts(), (host) => hostView(host, places.get(host.key) ?? NOWHERE, upstream.outliers));
}

const NOWHERE = { priority: 0, region: "", zone: "", subZone: "", weight: null };

function hostView(
  host: UpstreamHost,
  { priority, region, zone, subZone, weight }: Omit<LocalityEndpoints, "endpoints">,
  outliers: UpstreamCluster["outliers"],
): ClusterHostView {
  const { endpoint, healthFlags } = host;
  return {
    address: formatAddress({ hostname: endpoint.address, port: endpoint.port }),
    hostname: endpoint.hostname,
    healthy: host.health === "healthy",
    healthFlags,
    weight: host.weight,
    priority,
    region,
    zone,
    subZone,
    localityWeight: weight,
    metadata: endpoint.metadata as { readonly [key: string]: Json },
    canary: endpoint.metadata["envoy.lb"]?.["canary"] === true,
    successRate: outliers?.rateOf(host, "external") ?? -1,
    localOriginSuccessRate: outliers?.rateOf(host, "local") ?? -1,
    counters: { rq_active: host.active, rq_total: host.total },
  };
}
