/**
 * A mesh in one process: an embedded control plane, two workloads, and a legacy client outside of the mesh.
 *
 * Half way PeerAuthentication turns STRICT: the legacy client is refused, the workloads notice nothing. Then every
 * certificate is renewed under a new root. At the end the Istio metrics of both sides are shown.
 */
import { Mesh } from "@enmesh/enmesh";
import { FakeIstiod } from "@enmesh/enmesh/testing";
import { Table } from "../table.ts";

const SERVICE = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-v1, namespace: default } }]
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;

const STRICT = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
`;

const quiet = { log: () => {} };
const table = new Table({ time: 12, caller: 11, called: 16, "as principal": 46, status: 8, latency: 9 });

await using istiod = await FakeIstiod.start();
const join = async (name: string) =>
  await Mesh.join({
    ...await istiod.workload({
      name: `${name}-v1`,
      namespace: "default",
      serviceAccount: name,
      ip: "127.0.0.1",
      labels: { app: name, version: "v1" },
    }),
    admin: false,
    logger: quiet,
  });

// The server: one line differs from a program without a mesh.
await using reviews = await join("reviews");
await using server = await reviews.serve(
  { port: 0, hostname: "127.0.0.1", onListen: () => {} },
  (_request, info) => Response.json({ caller: info.peer?.principal ?? null }),
);
istiod.apply(SERVICE(server.addr.port));

// The client: the same.
await using productpage = await join("productpage");

async function ask(caller: string, url: string, fetch: typeof globalThis.fetch): Promise<void> {
  const start = performance.now();
  let principal = "-";
  let status: string;
  try {
    const response = await fetch(url, { headers: { connection: "close" } });
    const text = await response.text();
    status = String(response.status);
    if (response.ok) principal = JSON.parse(text).caller ?? "none (plaintext)";
  } catch {
    status = "refused";
  }
  table.row([
    new Date().toISOString().slice(11, 23),
    caller,
    new URL(url).host,
    principal,
    status,
    `${(performance.now() - start).toFixed(1)} ms`,
  ]);
}

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await ask("productpage", "http://reviews:9080/", productpage.fetch as typeof fetch);
    await ask("legacy", `http://127.0.0.1:${server.addr.port}/`, fetch);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

table.begin("PERMISSIVE: workloads speak mutual TLS, the legacy client speaks plaintext");
await rounds(5);

istiod.apply(STRICT);
await istiod.settled();
table.begin("STRICT: the legacy client is refused, nothing else changes");
await rounds(5);

const before = productpage.identity.notAfter;
await istiod.rotateRoot();
await Promise.all([reviews.renewCertificate(), productpage.renewCertificate()]);
table.begin("Certificates renewed under a new root, while requests go on");
await rounds(5);
table.note(`productpage's certificate is ${productpage.identity.notAfter > before ? "a new one" : "the old one"}`);

table.title("Istio metrics, as Prometheus would scrape them");
for (const [name, mesh] of [["productpage", productpage], ["reviews", reviews]] as const) {
  for (const line of mesh.metrics().split("\n")) {
    if (line.startsWith("istio_requests_total{")) table.note(`${name}: ${line}`);
  }
}
