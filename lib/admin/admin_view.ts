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
  readonly kind: "identity" | "root";
  /** Serial number, lower-case hexadecimal. */
  readonly serialNumber: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The certificate chain, PEM; never a key. */
  readonly pem: string;
}

/** An endpoint as `/clusters` shows it. */
export interface ClusterHostView {
  /** `ip:port`. */
  readonly address: string;
  readonly hostname: string;
  readonly healthy: boolean;
  /** Names of Envoy's health flags that are up, for example `failed_outlier_check`; empty when healthy. */
  readonly healthFlags: readonly string[];
  readonly weight: number;
  readonly priority: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** Counters and gauges by Envoy's names, for example `cx_active`, `rq_total`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A cluster as `/clusters` shows it. */
export interface ClusterView {
  readonly name: string;
  readonly edsServiceName: string | null;
  /** Whether it was delivered by the control plane. */
  readonly addedViaApi: boolean;
  /** Limits of the default priority. */
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly hosts: readonly ClusterHostView[];
}

/** A resource of the control plane as `/config_dump` shows it. */
export interface ResourceView {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number;
  /** The resource in protobuf's JSON form, with its `@type`. */
  readonly resource: { readonly [key: string]: Json };
}

/** What the admin endpoints read: a read-only view of what the mesh holds. */
export interface AdminView extends StatusView {
  readonly version: string;
  /** Milliseconds since the mesh was joined. */
  uptimeMs(): number;
  /** Id, cluster and metadata of our xDS node. */
  readonly node: { readonly id: string; readonly cluster: string; readonly metadata: { readonly [key: string]: Json } };
  clusters(): readonly ClusterView[];
  certificates(): readonly CertificateView[];
  /** Resources by kind. */
  resources(kind: "cluster" | "listener" | "route" | "endpoint"): readonly ResourceView[];
}
