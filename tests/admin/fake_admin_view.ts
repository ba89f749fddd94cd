import type { AdminView } from "../../lib/admin/admin_view.ts";
import { encode, type MessageName } from "../../lib/protobuf/registry.ts";

/** When the fake's resources came. */
export const STAMP = { version: "v7", at: Date.UTC(2026, 0, 1) };

/** Bytes of a message. */
export const bytesOf = encode as (name: MessageName, message: object) => Uint8Array;

const MESSAGES = {
  cluster: ["envoy.config.cluster.v3.Cluster", "name"],
  listener: ["envoy.config.listener.v3.Listener", "name"],
  route: ["envoy.config.route.v3.RouteConfiguration", "name"],
  endpoint: ["envoy.config.endpoint.v3.ClusterLoadAssignment", "clusterName"],
} as const;

/** A small mesh as the admin endpoints see it; `overrides` change single facts. */
export function fakeAdminView(overrides: Partial<AdminView> = {}): AdminView {
  return {
    version: "0.1.0",
    node: {
      id: "sidecar~10.0.0.1~sleep.default~default.svc.cluster.local",
      cluster: "sleep.default",
      metadata: { A: 1 },
    },
    readiness: () => ({ ready: true }),
    metrics: () => "# TYPE c counter\nc{} 1\n",
    drain: () => {},
    uptimeMs: () => 61_500,
    protocol: "delta",
    logging: null,
    listeners: () => [{ name: "l", addresses: [{ hostname: "0.0.0.0", port: 80 }, { hostname: "::1", port: 81 }] }],
    lastUpdate: (kind) => kind === "extension" ? null : STAMP,
    stats: () => [{ name: "server.live", value: 1 }, { name: "cluster_manager.warming_clusters", value: 0 }],
    clusters: () => [{
      name: "outbound|80||cart",
      observabilityName: "outbound|80||cart;",
      edsServiceName: "outbound|80||cart",
      addedViaApi: true,
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 1024,
      maxRetries: 3,
      outlier: { external: { average: -1, threshold: -1 }, local: { average: -1, threshold: -1 } },
      overprovisioningFactor: 140,
      hosts: [{
        address: "[2001:db8::1]:80",
        hostname: "",
        healthy: false,
        healthFlags: ["failed_outlier_check"],
        weight: 1,
        priority: 0,
        region: "r",
        zone: "",
        subZone: "",
        localityWeight: 3,
        metadata: { istio: { workload: "cart" } },
        canary: false,
        successRate: -1,
        localOriginSuccessRate: -1,
        counters: { rq_total: 5, cx_active: 1, cx_total: 0 },
      }],
    }],
    certificates: () => [
      {
        name: "default",
        kind: "identity",
        serialNumber: "ab12",
        uriSans: ["spiffe://cluster.local/ns/default/sa/sleep"],
        dnsSans: [],
        notBefore: Date.UTC(2026, 0, 1),
        notAfter: Date.UTC(2026, 0, 2, 12),
        pem: "-----BEGIN CERTIFICATE-----\n",
      },
      {
        name: "ROOTCA",
        kind: "root",
        serialNumber: "01",
        uriSans: [],
        dnsSans: ["ca"],
        notBefore: Date.UTC(2026, 0, 1),
        notAfter: Date.UTC(2036, 0, 1),
        pem: "-----BEGIN CERTIFICATE-----\n",
      },
    ],
    resources(kind) {
      if (kind === "extension") return [];
      const [message, key] = MESSAGES[kind];
      const name = `${kind}-1`;
      return [{
        name,
        active: { bytes: bytesOf(message, { [key]: name }), stamp: STAMP },
        warming: null,
        failure: null,
      }];
    },
    ...overrides,
  };
}
