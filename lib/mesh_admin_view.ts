import { X509Certificate } from "node:crypto";
import type { AdminView, CertificateView, ClusterHostView, ClusterView, StatusView } from "./admin/admin_view.ts";
import { ISTIO_VERSION } from "./bootstrap/node.ts";
import type { Clock } from "./internal/clock.ts";
import type { Json } from "./protobuf/well_known.ts";
import type { ClusterLoadAssignment } from "./resource/endpoint.ts";
import { parseCertificate } from "./transport/certificate.ts";
import { formatPem, pemBlocks } from "./transport/pem.ts";
import type { SecretProvider } from "./transport/secret_provider.ts";
import type { UpstreamCluster } from "./upstream/upstream_cluster.ts";

/** What the admin interface shows; all of it is read at the moment it is asked for. */
export interface AdminViewSources {
  readonly status: StatusView;
  readonly node: { readonly id: string; readonly cluster: string; readonly metadata: { readonly [key: string]: Json } };
  readonly secrets: SecretProvider;
  readonly clusters: () => Iterable<UpstreamCluster>;
  readonly endpoints: (edsServiceName: string) => ClusterLoadAssignment | null;
  readonly clock: Clock;
}

/** The view of a joined mesh for the admin interface. Keys are not in it. */
export function meshAdminView(sources: AdminViewSources): AdminView {
  const { status, node, secrets, clock } = sources;
  const joinedAt = clock.monotonic();
  return {
    readiness: () => status.readiness(),
    metrics: () => status.metrics(),
    drain: () => status.drain(),
    version: ISTIO_VERSION,
    uptimeMs: () => clock.monotonic() - joinedAt,
    node,
    certificates() {
      const identity = secrets.certificate("default");
      return [
        ...(identity === null ? [] : certificateViews("default", "identity", identity.chain).slice(0, 1)),
        ...(secrets.trustBundle("ROOTCA")?.roots ?? []).flatMap((pem) => certificateViews("ROOTCA", "root", pem)),
      ];
    },
    clusters: () => [...sources.clusters()].map((cluster) => clusterView(cluster, sources)),
    resources: () => [],
  };
}

function certificateViews(name: string, kind: CertificateView["kind"], pem: string): CertificateView[] {
  return pemBlocks(pem).map(({ der }) => {
    const { uriSans, dnsSans, notBefore, notAfter } = parseCertificate(der);
    const text = formatPem("CERTIFICATE", der);
    const serialNumber = new X509Certificate(text).serialNumber.toLowerCase();
    return { name, kind, serialNumber, uriSans, dnsSans, notBefore, notAfter, pem: text };
  });
}

function clusterView(upstream: UpstreamCluster, { endpoints }: AdminViewSources): ClusterView {
  const { cluster, outliers } = upstream;
  const assignment = cluster.edsServiceName === null ? cluster.loadAssignment : endpoints(cluster.edsServiceName);
  const places = new Map<string, Pick<ClusterHostView, "priority" | "region" | "zone" | "subZone">>();
  for (const { priority, region, zone, subZone, endpoints } of assignment?.localities ?? []) {
    for (const { key } of endpoints) places.set(key, { priority, region, zone, subZone });
  }
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = cluster.circuitBreakers;
  return {
    name: cluster.name,
    edsServiceName: cluster.edsServiceName,
    addedViaApi: true,
    maxConnections,
    maxPendingRequests,
    maxRequests,
    maxRetries,
    ...(outliers === null ? {} : { outlier: { external: outliers.rates("external"), local: outliers.rates("local") } }),
    hosts: [...upstream.hosts()].map((host) => ({
      address: host.key,
      hostname: host.endpoint.hostname,
      healthy: host.health === "healthy",
      healthFlags: host.healthFlags,
      successRate: outliers?.rateOf(host, "external") ?? -1,
      localOriginSuccessRate: outliers?.rateOf(host, "local") ?? -1,
      weight: host.weight,
      ...places.get(host.key) ?? { priority: 0, region: "", zone: "", subZone: "" },
      counters: { rq_active: host.active, rq_total: host.total },
    })),
  };
}
