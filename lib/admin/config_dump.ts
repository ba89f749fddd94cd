import { toByteString } from "../matcher/byte_string.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { AdminView, CertificateView, ResourceView } from "./admin_view.ts";

const TYPE = "type.googleapis.com/envoy.admin.v3.";
const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
/** Base64 of `[redacted]`, as Envoy writes it in place of a key. */
const REDACTED = "W3JlZGFjdGVkXQ==";

/**
 * The answer of `/config_dump` (`envoy.admin.v3.ConfigDump`), the sections that istioctl and Kiali read.
 *
 * @param view What the mesh holds.
 * @param includeEds Whether endpoints are shown (`?include_eds`).
 * @param now Milliseconds since the epoch.
 */
export function configDump(view: AdminView, includeEds: boolean, now: number): object {
  const configs: object[] = [
    {
      "@type": `${TYPE}BootstrapConfigDump`,
      bootstrap: { node: { id: view.node.id, cluster: view.node.cluster, metadata: view.node.metadata } },
      last_updated: isoTime(now - view.uptimeMs()),
    },
    {
      "@type": `${TYPE}ClustersConfigDump`,
      version_info: newestVersion(view.resources("cluster")),
      dynamic_active_clusters: view.resources("cluster").map((of) => dynamic(of, "cluster")),
    },
  ];
  if (includeEds) {
    configs.push({
      "@type": `${TYPE}EndpointsConfigDump`,
      dynamic_endpoint_configs: view.resources("endpoint").map((of) => dynamic(of, "endpoint_config")),
    });
  }
  configs.push(
    {
      "@type": `${TYPE}ListenersConfigDump`,
      version_info: newestVersion(view.resources("listener")),
      dynamic_listeners: view.resources("listener").map((of) => ({
        name: of.name,
        active_state: dynamic(of, "listener"),
      })),
    },
    {
      "@type": `${TYPE}RoutesConfigDump`,
      dynamic_route_configs: view.resources("route").map((of) => dynamic(of, "route_config")),
    },
    {
      "@type": `${TYPE}SecretsConfigDump`,
      dynamic_active_secrets: view.certificates().map(secret),
    },
  );
  return { configs };
}

function dynamic(of: ResourceView, key: string): { [key: string]: Json } {
  return {
    version_info: of.version,
    [key]: of.resource as { [key: string]: Json },
    last_updated: isoTime(of.lastUpdated),
  };
}

function newestVersion(resources: readonly ResourceView[]): string {
  let newest: ResourceView | null = null;
  for (const of of resources) if (newest === null || of.lastUpdated > newest.lastUpdated) newest = of;
  return newest?.version ?? "";
}

function secret(certificate: CertificateView): object {
  const pem = { inline_bytes: btoa(toByteString(certificate.pem)) };
  return {
    name: certificate.name,
    version_info: certificate.serialNumber,
    last_updated: isoTime(certificate.notBefore),
    secret: {
      "@type": SECRET,
      name: certificate.name,
      ...(certificate.kind === "root"
        ? { validation_context: { trusted_ca: pem } }
        : { tls_certificate: { certificate_chain: pem, private_key: { inline_bytes: REDACTED } } }),
    },
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
