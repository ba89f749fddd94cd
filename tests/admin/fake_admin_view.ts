import type { AdminView } from "../../lib/admin/admin_view.ts";

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
    clusters: () => [{
      name: "outbound|80||cart",
      edsServiceName: "outbound|80||cart",
      addedViaApi: true,
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 1024,
      maxRetries: 3,
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
    resources: (kind) => [{
      name: `${kind}-1`,
      version: "v7",
      lastUpdated: Date.UTC(2026, 0, 1),
      resource: { "@type": `type.googleapis.com/${kind}`, name: `${kind}-1` },
    }],
    ...overrides,
  };
}
