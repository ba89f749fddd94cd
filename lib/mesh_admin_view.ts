import { X509Certificate } from "node:crypto";
import settings from "../deno.json" with { type: "json" };
import type { AdminNode, AdminView, CertificateView, ClusterView, StatusView, StatView } from "./admin/admin_view.ts";
import { redactExtension } from "./admin/redact_extension.ts";
import type { LogLevelControl } from "./internal/adjustable_logger.ts";
import type { Clock } from "./internal/clock.ts";
import { clusterView } from "./mesh_cluster_view.ts";
import type { SnapshotStore } from "./resource/snapshot_store.ts";
import { parseCertificate } from "./transport/certificate.ts";
import { formatPem, pemBlocks } from "./transport/pem.ts";
import type { SecretProvider } from "./transport/secret_provider.ts";
import type { UpstreamCluster } from "./upstream/upstream_cluster.ts";

/** What the admin interface shows; all of it is read at the moment it is asked for. */
export interface AdminViewSources {
  readonly status: StatusView;
  readonly node: AdminNode;
  readonly protocol: "delta" | "sotw";
  readonly secrets: SecretProvider;
  /** Clusters in use. */
  readonly clusters: () => Iterable<UpstreamCluster>;
  readonly store: SnapshotStore;
  readonly logging: LogLevelControl | null;
  readonly clock: Clock;
}

/** The view of a joined mesh for the admin interface. Keys are not in it. */
export function meshAdminView(sources: AdminViewSources): AdminView {
  const { status, node, protocol, secrets, store, logging, clock } = sources;
  const joinedAt = clock.monotonic();
  const uptimeMs = () => clock.monotonic() - joinedAt;
  return {
    readiness: () => status.readiness(),
    metrics: () => status.metrics(),
    drain: () => status.drain(),
    version: settings.version,
    uptimeMs,
    node,
    protocol,
    logging,
    certificates() {
      const identity = secrets.certificate("default");
      return [
        ...(identity === null ? [] : identityView("default", identity.chain)),
        ...(secrets.trustBundle("ROOTCA")?.roots ?? []).flatMap((pem) => certificateViews("ROOTCA", "root", pem)),
      ];
    },
    clusters: () => clusterViews(sources),
    *listeners() {
      for (const name of store.current.listenerNames) {
        const listener = store.records.peek("listener", name);
        if (listener === null) continue;
        const { address, additionalAddresses } = listener;
        yield { name, addresses: [address, ...additionalAddresses].filter((address) => address !== null) };
      }
    },
    resources: (kind) =>
      kind === "extension" ? store.records.list(kind).map(redactExtension) : store.records.list(kind),
    lastUpdate: (kind) => store.records.lastUpdate(kind),
    stats: () => stats(sources, uptimeMs()),
  };
}

/** Our own certificate with the chain behind it. */
function identityView(name: string, chain: string): CertificateView[] {
  const [leaf, ...others] = certificateViews(name, "identity", chain);
  return leaf === undefined ? [] : [{ ...leaf, pem: [leaf, ...others].map(({ pem }) => pem).join("") }];
}

function certificateViews(name: string, kind: CertificateView["kind"], pem: string): CertificateView[] {
  return pemBlocks(pem).map(({ der }) => {
    const { uriSans, dnsSans, notBefore, notAfter } = parseCertificate(der);
    const text = formatPem("CERTIFICATE", der);
    const serialNumber = new X509Certificate(text).serialNumber.toLowerCase();
    return { name, kind, serialNumber, uriSans, dnsSans, notBefore, notAfter, pem: text };
  });
}

function* clusterViews({ clusters, store }: AdminViewSources): Generator<ClusterView> {
  const inUse = new Map<string, UpstreamCluster>();
  for (const upstream of clusters()) inUse.set(upstream.cluster.name, upstream);
  for (const name of store.current.clusterNames) {
    const upstream = inUse.get(name);
    const cluster = upstream?.cluster ?? store.records.peek("cluster", name);
    if (cluster === null) continue;
    const assignment = cluster.edsServiceName === null
      ? cluster.loadAssignment
      : store.records.peek("endpoint", cluster.edsServiceName);
    const bytes = store.records.active("cluster", name)?.bytes ?? null;
    yield clusterView({ cluster, bytes, assignment, upstream: upstream ?? null });
  }
}

/** What Envoy's statistics of the same names count. */
function* stats({ clusters, store, status }: AdminViewSources, uptimeMs: number): Generator<StatView> {
  const ready = status.readiness().ready;
  yield { name: "server.live", value: ready ? 1 : 0 };
  // As `envoy.admin.v3.ServerInfo.State`: 0 is LIVE, 2 is PRE_INITIALIZING.
  yield { name: "server.state", value: ready ? 0 : 2 };
  yield { name: "server.uptime", value: Math.floor(uptimeMs / 1000) };
  for (const [kind, prefix, word] of COUNTED) {
    const count = { active: 0, warming: 0, refused: 0 };
    for (const { active, warming, failure } of store.records.list(kind)) {
      if (active !== null) count.active++;
      if (warming !== null) count.warming++;
      if (failure !== null) count.refused++;
    }
    yield { name: `${prefix}.${word}_active`, value: count.active };
    yield { name: `${prefix}.${word}_warming`, value: count.warming };
    yield { name: `${prefix}.${word}_refused`, value: count.refused };
  }
  for (const upstream of clusters()) {
    const hosts = [...upstream.hosts()];
    const prefix = `cluster.${upstream.cluster.name}`;
    yield { name: `${prefix}.membership_total`, value: hosts.length };
    yield { name: `${prefix}.membership_healthy`, value: hosts.filter(({ health }) => health === "healthy").length };
    yield { name: `${prefix}.upstream_rq_active`, value: hosts.reduce((sum, { active }) => sum + active, 0) };
    yield { name: `${prefix}.upstream_rq_total`, value: hosts.reduce((sum, { total }) => sum + total, 0) };
  }
}

const COUNTED = [
  ["cluster", "cluster_manager", "clusters"],
  ["listener", "listener_manager", "total_listeners"],
  ["route", "rds", "routes"],
] as const;
