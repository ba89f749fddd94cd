/**
 * Every environment variable that joining reads: the place to look for what `--allow-env` may name. None is needed
 * where options say the same; one that may not be read counts as not set, and `enmesh doctor` says so.
 *
 * @module
 */
import { GRPC_VARIABLES } from "../grpc/control_channel.ts";
import { YAML_VARIABLES } from "./proxy_config.ts";

/** Istio's variables and our own four, read by name. */
export const VARIABLES: readonly string[] = [
  "CANONICAL_REVISION",
  "CANONICAL_SERVICE",
  "CA_ADDR",
  "CA_ROOT_CA",
  "DOCKER_CONFIG",
  "ENMESH_ENABLED",
  "ENMESH_FILES",
  "ENMESH_MULTIPLEX",
  "ENMESH_WASM_RUNTIME",
  "ENVOY_PROMETHEUS_PORT",
  "ENVOY_STATUS_PORT",
  "FILE_MOUNTED_CERTS",
  "HOSTNAME",
  "INSTANCE_IP",
  "INSTANCE_IPS",
  "ISTIOD_SAN",
  "JWT_POLICY",
  "MINIMUM_DRAIN_DURATION",
  "POD_NAME",
  "POD_NAMESPACE",
  "PROV_CERT",
  "PROXY_CONFIG",
  "SECRET_GRACE_PERIOD_RATIO",
  "SECRET_GRACE_PERIOD_RATIO_JITTER",
  "SECRET_TTL",
  "SERVICE_ACCOUNT",
  "TRUST_DOMAIN",
  "WASM_HTTP_REQUEST_MAX_RETRIES",
  "WASM_HTTP_REQUEST_TIMEOUT",
  "WASM_INSECURE_REGISTRIES",
  "WASM_MODULE_EXPIRY",
  "WASM_PURGE_INTERVAL",
  "XDS_ROOT_CA",
];

/** Node metadata, read by name where the environment may not be listed. */
export const METADATA_VARIABLES: readonly string[] = [
  "ISTIO_META_APP_CONTAINERS",
  "ISTIO_META_AUTO_REGISTER_GROUP",
  "ISTIO_META_CERT_SIGNER",
  "ISTIO_META_CLUSTER_ID",
  "ISTIO_META_DNS_AUTO_ALLOCATE",
  "ISTIO_META_DNS_CAPTURE",
  "ISTIO_META_ISTIO_REVISION",
  "ISTIO_META_ISTIO_VERSION",
  "ISTIO_META_MESH_ID",
  "ISTIO_META_NETWORK",
  "ISTIO_META_NODE_NAME",
  "ISTIO_META_OWNER",
  "ISTIO_META_POD_PORTS",
  "ISTIO_META_REQUESTED_NETWORK_VIEW",
  "ISTIO_META_TLS_SERVER_CERT_CHAIN",
  "ISTIO_META_TLS_SERVER_KEY",
  "ISTIO_META_TLS_SERVER_ROOT_CERT",
  "ISTIO_META_WORKLOAD_NAME",
  "ISTIO_METAJSON_LABELS",
];

/** Prefixes listed only where the whole environment may be read (`--allow-env` without names). */
export const LISTED_PREFIXES: readonly string[] = ["CA_HEADER_", "ISTIO_METAJSON_", "ISTIO_META_", "XDS_HEADER_"];

/** What libraries read themselves, and throw without: the first when joining, the second for YAML that is not JSON. */
export const LIBRARY_VARIABLES: { readonly grpc: readonly string[]; readonly yaml: readonly string[] } = {
  grpc: GRPC_VARIABLES,
  yaml: YAML_VARIABLES,
};
