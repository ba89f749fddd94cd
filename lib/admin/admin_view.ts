import type { LogLevelControl } from "../internal/adjustable_logger.ts";
import type { SocketAddress } from "../internal/socket_address.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { ResourceRecord } from "../resource/resource_record.ts";
import type { UpdateStamp } from "../resource/update_stamp.ts";

/** Whether the workload takes part in the mesh, and if not, why. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** What the status endpoints read and do. */
export interface StatusView {
  /** Whether the first configuration is in place and nothing drains. */
  readiness(): Readiness;
  /** Every metric in Prometheus' text format. */
  metrics(): string;
  /** Starts draining; comes back at once. */
  drain(): void;
}

/** A certificate as `/certs` shows it. */
export interface CertificateView {
  /** SDS name it is known by, for example `default` or `ROOTCA`. */
  readonly name: string;
  /** Our own certificate, or a root we trust. */
  readonly kind: "identity" | "root";
  /** Serial number, lower-case hexadecimal. */
  readonly serialNumber: string;
  /** URI SANs. */
  readonly uriSans: readonly string[];
  /** DNS SANs. */
  readonly dnsSans: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The certificate and, of an identity, the chain behind it, PEM; never a key. */
  readonly pem: string;
}

/** An endpoint as `/clusters` shows it. */
export interface ClusterHostView {
  /** `ip:port`. */
  readonly address: string;
  /** Its DNS name, empty for none. */
  readonly hostname: string;
  /** Whether it may be chosen. */
  readonly healthy: boolean;
  /** Names of Envoy's health flags that are up, for example `failed_outlier_check`; empty when healthy. */
  readonly healthFlags: readonly string[];
  /** Load balancing weight. */
  readonly weight: number;
  /** 0 is the most preferred. */
  readonly priority: number;
  /** Region of its locality, empty for none. */
  readonly region: string;
  /** Zone of its locality, empty for none. */
  readonly zone: string;
  /** Sub-zone of its locality, empty for none. */
  readonly subZone: string;
  /** Weight of its locality; `null` where none was given. */
  readonly localityWeight: number | null;
  /** Metadata by namespace. */
  readonly metadata: { readonly [key: string]: Json };
  /** Whether it is marked as canary (`envoy.lb`, `canary`). */
  readonly canary: boolean;
  /** Rate of success in the last interval of outlier detection, percent; -1 where unknown. */
  readonly successRate: number;
  /** The same of connections and what else happens on our side. */
  readonly localOriginSuccessRate: number;
  /** Counters and gauges by Envoy's names, for example `cx_active`, `rq_total`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Rates of success of a cluster in the last interval of outlier detection, percent; -1 where unknown. */
export interface OutlierRatesView {
  /** Mean of its hosts. */
  readonly average: number;
  /** Below it a host is an outlier. */
  readonly threshold: number;
}

/** A cluster as `/clusters` shows it. */
export interface ClusterView {
  /** For example `outbound|80||cart.shop.svc.cluster.local`. */
  readonly name: string;
  /** Name that statistics have for it: `alt_stat_name`, or its own. */
  readonly observabilityName: string;
  /** Name its endpoints are asked for by; `null` where they are not. */
  readonly edsServiceName: string | null;
  /** Whether it was delivered by the control plane. */
  readonly addedViaApi: boolean;
  /** Limits of the default priority. */
  readonly maxConnections: number;
  /** Limit of waiting requests. */
  readonly maxPendingRequests: number;
  /** Limit of requests under way. */
  readonly maxRequests: number;
  /** Limit of retries under way. */
  readonly maxRetries: number;
  /** Rates of answers and of what happens on our side. @default {no outlier detection} */
  readonly outlier?: { readonly external: OutlierRatesView; readonly local: OutlierRatesView };
  /** Percent; Envoy's default is 140. */
  readonly overprovisioningFactor: number;
  /** Its endpoints. */
  readonly hosts: readonly ClusterHostView[];
}

/** A listener as `/listeners` shows it. */
export interface ListenerAddressView {
  readonly name: string;
  /** Its addresses, the main one first. */
  readonly addresses: readonly SocketAddress[];
}

/** A number of `/stats`. */
export interface StatView {
  /** For example `cluster_manager.active_clusters`. */
  readonly name: string;
  readonly value: number;
}

/** Kinds of resource that the control plane sends. */
export type AdminResourceKind = "cluster" | "listener" | "route" | "endpoint" | "extension";

/** Our xDS node. */
export interface AdminNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: { readonly [key: string]: Json };
}

/** What the admin endpoints read: a read-only view of what the mesh holds. */
export interface AdminView extends StatusView {
  /** Version of enmesh. */
  readonly version: string;
  /** Milliseconds since the mesh was joined. */
  uptimeMs(): number;
  readonly node: AdminNode;
  /** Variant of the discovery protocol. */
  readonly protocol: "delta" | "sotw";
  /** Clusters with their endpoints, made one by one: there may be thousands. */
  clusters(): Iterable<ClusterView>;
  /** Listeners with their addresses. */
  listeners(): Iterable<ListenerAddressView>;
  /** Identities and roots, without keys. */
  certificates(): readonly CertificateView[];
  /** Resources of a kind, as bytes: also what is warming and what was refused. */
  resources(kind: AdminResourceKind): Iterable<ResourceRecord>;
  /** The last update of a kind; `null` before the first one. */
  lastUpdate(kind: AdminResourceKind): UpdateStamp | null;
  /** Numbers by Envoy's names, in no particular order. */
  stats(): Iterable<StatView>;
  /** Sets how much is logged; `null` where nobody can. */
  readonly logging: LogLevelControl | null;
}
