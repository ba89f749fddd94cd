import type { Logger } from "../internal/logger.ts";
import type { WasmRuntime } from "../internal/wasm_runtime.ts";
import type { Json } from "../protobuf/well_known.ts";

/** A token as given by the user: itself, the file it is in (read again for each request), or a function that gets it. */
export type TokenOption = string | { readonly file: string } | (() => string | Promise<string>);

/** Root certificates: PEM text, several of them, a file, or `SYSTEM` for the roots of the system. */
export type RootCertificatesOption = string | readonly string[] | { readonly file: string };

/** Who this workload is. In a pod most of it comes from the downward API, see `examples/kubernetes/`. */
export interface WorkloadOptions {
  /**
   * Name of this instance (the pod's name). Overrides `POD_NAME`.
   * @default {"the variable HOSTNAME"}
   */
  name?: string;
  /**
   * Kubernetes namespace: the scope of the configuration and part of the identity. Overrides `POD_NAMESPACE`.
   * @default {"the namespace in the pod's service account files"}
   */
  namespace?: string;
  /**
   * Kubernetes service account: part of the identity. Overrides `SERVICE_ACCOUNT`.
   * @default {"default"}
   */
  serviceAccount?: string;
  /**
   * Name of what this is an instance of (the Deployment), for metrics. Overrides `ISTIO_META_WORKLOAD_NAME`.
   * @default {"the canonical name in the labels, else the name"}
   */
  workloadName?: string;
  /** Labels: they select policies. Merged over `ISTIO_METAJSON_LABELS` and the downward API's `labels` file. */
  labels?: Readonly<Record<string, string>>;
  /**
   * IP addresses under which peers reach this workload. Overrides `INSTANCE_IP` and `INSTANCE_IPS`.
   * @default {"the local address of the connection to istiod"}
   */
  ips?: readonly string[];
  /**
   * The cluster's name as istiod knows it. Overrides `ISTIO_META_CLUSTER_ID`.
   * @default {"Kubernetes"}
   */
  clusterId?: string;
  /** Network, in a mesh of several. Overrides `ISTIO_META_NETWORK`. */
  network?: string;
  /** `region/zone/subzone`, where istiod does not know it from the node. */
  locality?: string;
  /** Owner as `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`. Overrides `ISTIO_META_OWNER`. */
  owner?: string;
  /** Kubernetes node, for node-local policies. Overrides `ISTIO_META_NODE_NAME`. */
  nodeName?: string;
  /** Control plane revision. Overrides `ISTIO_META_ISTIO_REVISION`. */
  revision?: string;
  /** WorkloadGroup under which istiod registers this workload. Overrides `ISTIO_META_AUTO_REGISTER_GROUP`. */
  autoRegisterGroup?: string;
  /**
   * DNS domain of the cluster, for short service names.
   * @default {"cluster.local"}
   */
  dnsDomain?: string;
  /** More node metadata for istiod, by key without prefix. Merged over `ISTIO_META_*` and `ISTIO_METAJSON_*`. */
  metadata?: Readonly<Record<string, Json>>;
}

/** Where the admin interface listens. */
export interface AdminOptions {
  /**
   * TCP port; 0 lets the system choose. Overrides ProxyConfig's `proxyAdminPort`.
   * @default {15000}
   */
  port?: number;
  /**
   * Loopback address: it shows configuration.
   * @default {"127.0.0.1"}
   */
  hostname?: string;
}

/** What Wasm plugins run on. */
export interface WasmOptions {
  /**
   * The engine: `v8` is the fastest and for modules that are trusted not to loop for ever; `guarded` is the same engine
   * with limits, which stop a module that runs or grows away, at 11 to 13 microseconds an entry and three entries a
   * request; or one of your own. A plugin whose `vm_config.runtime` is `guarded` is guarded whatever is said here.
   * Overrides `ENMESH_WASM_RUNTIME`.
   * @default {"v8"}
   */
  runtime?: "v8" | "guarded" | WasmRuntime;
  /** Milliseconds one entry into a guarded module may take; it is stopped within twice of that. @default {100} */
  budgetMs?: number;
  /** Bytes the memory of a guarded instance may grow to. @default {134_217_728} */
  maxMemoryBytes?: number;
}

/**
 * Options of `Mesh.join`. Each overrides the environment variable named with it, which overrides Istio's ProxyConfig
 * (`PROXY_CONFIG`, `mesh.yaml`), which overrides the default.
 */
export interface JoinOptions {
  /**
   * Whether to join at all; without, everything works as if there were no mesh. Overrides `ENMESH_ENABLED`.
   * @default {true}
   */
  enabled?: boolean;
  /**
   * istiod's discovery service as `host:port`. TLS, except on port 15010 or when written `http://host:port`. Overrides
   * ProxyConfig's `discoveryAddress`.
   * @default {"istiod.istio-system.svc:15012"}
   */
  discoveryAddress?: string;
  /**
   * Certificate authority as `host:port`. Overrides `CA_ADDR`.
   * @default {"the discovery address"}
   */
  caAddress?: string;
  /**
   * DNS name expected in istiod's certificate. Overrides `ISTIOD_SAN`.
   * @default {"the host of the address, istiod.istio-system.svc for an IP address or localhost"}
   */
  serverName?: string;
  /** Who this workload is. */
  workload?: WorkloadOptions;
  /**
   * SPIFFE trust domain. Overrides `TRUST_DOMAIN`.
   * @default {"cluster.local"}
   */
  trustDomain?: string;
  /** Mesh name, for telemetry. Overrides `ISTIO_META_MESH_ID`. @default {"the trust domain"} */
  meshId?: string;
  /**
   * Token that proves the service account to istiod. Sent over verified TLS only.
   * @default {file "/var/run/secrets/tokens/istio-token"}
   */
  token?: TokenOption;
  /**
   * Roots istiod's certificate must be signed by. Overrides `XDS_ROOT_CA` and `CA_ROOT_CA`.
   * @default {file "/etc/certs/root-cert.pem", else "/var/run/secrets/istio/root-cert.pem"}
   */
  rootCertificates?: RootCertificatesOption;
  /**
   * Folder with the files `istioctl x workload entry configure` writes for a virtual machine: `cluster.env`,
   * `mesh.yaml`, `root-cert.pem`, `istio-token`. Overrides `ENMESH_FILES`.
   */
  files?: string;
  /**
   * Environment variables to use instead of those of the process.
   * @default {"the environment, as far as permissions allow"}
   */
  env?: Readonly<Record<string, string>>;
  /** Ends a join that waits for istiod. */
  signal?: AbortSignal;
  /** Where log lines go. @default {"standard error"} */
  logger?: Logger;
  /** Protocol of configuration. Overrides nothing. @default {"delta"} */
  xds?: "delta" | "sotw";
  /** Lifetime to ask for in certificates, in milliseconds. Overrides `SECRET_TTL`. @default {86_400_000} */
  certificateTtl?: number;
  /**
   * Whether requests to other enmesh workloads share one HTTP/2 connection an endpoint (ALPN `enmesh-h2`) rather than
   * one HTTP/1.1 connection a request under way. Nothing else changes; switch it off to see HTTP/1.1 on the wire.
   * Overrides `ENMESH_MULTIPLEX`.
   * @default {true}
   */
  multiplex?: boolean;
  /** What Wasm plugins run on. */
  wasm?: WasmOptions;
  /** Filters that enmesh does not have and that may be left out, by Envoy's filter name. */
  unsupportedFilters?: Readonly<Record<string, "skip">>;
  /** Admin interface; `false` for none. */
  admin?: AdminOptions | false;
  /**
   * Port of `/stats/prometheus` and `/healthz/ready` for scrapers; 0 lets the system choose, `false` is none.
   * Overrides ProxyConfig's `statusPort`.
   * @default {15020}
   */
  statusPort?: number | false;
  /** Port of `/healthz/ready` for probes. Overrides `ENVOY_STATUS_PORT`. @default {15021} */
  readinessPort?: number | false;
  /** Port of `/stats/prometheus` as Envoy has it. Overrides `ENVOY_PROMETHEUS_PORT`. @default {15090} */
  prometheusPort?: number | false;
  /**
   * Folder that keeps fetched Wasm modules: they survive the process, and several processes share it. Needs permission to
   * read and write it.
   * @default {modules are kept in memory}
   */
  wasmCache?: string;
  /**
   * Registries and servers of Wasm modules, with their ports, that may have any certificate; registries among them may
   * speak plaintext. `*` for all. Overrides `WASM_INSECURE_REGISTRIES`.
   */
  wasmInsecureRegistries?: readonly string[];
  /** Shortest drain at `close`, in milliseconds. Overrides `MINIMUM_DRAIN_DURATION`. @default {5_000} */
  minimumDrainDuration?: number;
  /** Joins even beside a sidecar or ztunnel that captures this workload's traffic. @default {false} */
  besideSidecar?: boolean;
}
