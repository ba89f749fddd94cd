import type { Json } from "../protobuf/well_known.ts";

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
  /** The certificate chain, PEM; never a key. */
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
  /** Rate of success in the last interval of outlier detection, percent. @default {-1: unknown} */
  readonly successRate?: number;
  /** The same of connections and what else happens on our side. @default {-1: unknown} */
  readonly localOriginSuccessRate?: number;
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
  /** Its endpoints. */
  readonly hosts: readonly ClusterHostView[];
}

/** A resource of the control plane as `/config_dump` shows it. */
export interface ResourceView {
  /** Its name. */
  readonly name: string;
  /** Version the control plane gave it. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number;
  /** The resource in protobuf's JSON form, with its `@type`. */
  readonly resource: { readonly [key: string]: Json };
}

/** What the admin endpoints read: a read-only view of what the mesh holds. */
export interface AdminView extends StatusView {
  /** Version of enmesh. */
  readonly version: string;
  /** Milliseconds since the mesh was joined. */
  uptimeMs(): number;
  /** Id, cluster and metadata of our xDS node. */
  readonly node: { readonly id: string; readonly cluster: string; readonly metadata: { readonly [key: string]: Json } };
  /** Clusters with their endpoints. */
  clusters(): readonly ClusterView[];
  /** Identities and roots, without keys. */
  certificates(): readonly CertificateView[];
  /** Resources by kind. */
  resources(kind: "cluster" | "listener" | "route" | "endpoint"): readonly ResourceView[];
}
