/** Parts of outcomes that many tables name. */

/** Istio's name of an outbound cluster. */
export function cluster(host: string, port: number, subset = ""): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** Fully qualified names of the services that every scenario has. */
export const HTTPBIN = "httpbin.default.svc.cluster.local";
/** Of namespace `shop`. */
export const CART = "cart.shop.svc.cluster.local";
/** Without a sidecar. */
export const BILLING = "billing.legacy.svc.cluster.local";
/** The client itself. */
export const SLEEP = "sleep.default.svc.cluster.local";

/** Mutual TLS of the mesh to one service account, with the server name of a cluster. */
export function mutual(serverName: string, account: string, alpn: readonly string[] = []): Record<string, unknown> {
  return {
    sni: serverName,
    alpn: ["istio-peer-exchange", "istio", ...alpn],
    certificates: [{ kind: "sds", name: "default" }],
    trust: { kind: "sds", name: "ROOTCA" },
    sans: [`exact spiffe://cluster.local/ns/${account}`],
  };
}

/** Endpoints with only what a test looks at: addresses, and the rest where it matters. */
export function at(...addresses: string[]): { address: string }[] {
  return addresses.map((address) => ({ address }));
}

/** Istio's retries where nobody says otherwise. */
export const DEFAULT_RETRIES = {
  retryOn: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
  numRetries: 2,
  previousHosts: true,
  hostSelectionRetryMaxAttempts: 5,
};

/** An answer of a client for a host that nobody routes. */
export const NO_ROUTE = { answer: { status: 404 }, flags: "NR" };
