import assert from "node:assert/strict";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
import { IstioMetrics, type RequestFacts } from "../../lib/telemetry/istio_metrics.ts";
import { localWorkload } from "../../lib/telemetry/local_node.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import type { PeerMetadata } from "../../lib/telemetry/peer_metadata.ts";
import { DEFAULT_STATS_CONFIG, readStatsConfig } from "../../lib/telemetry/stats_config.ts";

const sleep = localWorkload({
  id: "sidecar~10.0.0.1~sleep-v1.default~default.svc.cluster.local",
  metadata: {
    NAME: "sleep-v1",
    NAMESPACE: "default",
    WORKLOAD_NAME: "sleep-v1",
    CLUSTER_ID: "Kubernetes",
    LABELS: {
      app: "sleep",
      version: "v1",
      "service.istio.io/canonical-name": "sleep",
      "service.istio.io/canonical-revision": "v1",
    },
  },
});
const cart: PeerMetadata = {
  id: "sidecar~10.0.0.9~cart-v1-a.shop~shop.svc.cluster.local",
  workloadName: "cart-v1",
  namespace: "elsewhere",
  clusterId: "Kubernetes",
  canonicalService: "cart",
  canonicalRevision: "",
  app: "cart",
  version: "",
};
const facts: RequestFacts = {
  peer: cart,
  service: { host: "cart.shop.svc.cluster.local", name: "cart", namespace: "shop" },
  peerPrincipal: "spiffe://cluster.local/ns/shop/sa/cart",
  localPrincipal: "spiffe://cluster.local/ns/default/sa/sleep",
  grpc: false,
  responseCode: 200,
  grpcStatus: null,
  responseFlags: "-",
  durationMs: 12.9,
  requestBytes: 300,
  responseBytes: 2600,
  attributes: [],
};

function lines(metrics: IstioMetrics, prefix: string): string[] {
  return exposeMetrics(metrics.registry).split("\n").filter((line) => line.startsWith(prefix));
}

Deno.test("the source counts with these labels, in this order", () => {
  const metrics = new IstioMetrics(new MetricRegistry(), sleep, "1.31.0");
  const recorder = metrics.recorder("source", DEFAULT_STATS_CONFIG);
  recorder.recordRequest(facts);
  recorder.recordRequest(facts);
  assert.deepEqual(lines(metrics, "istio_requests_total"), [
    'istio_requests_total{reporter="source",source_workload="sleep-v1",source_canonical_service="sleep",' +
    'source_canonical_revision="v1",source_workload_namespace="default",' +
    'source_principal="spiffe://cluster.local/ns/default/sa/sleep",source_app="sleep",source_version="v1",' +
    'source_cluster="Kubernetes",destination_workload="cart-v1",destination_workload_namespace="shop",' +
    'destination_principal="spiffe://cluster.local/ns/shop/sa/cart",destination_app="cart",' +
    'destination_version="unknown",destination_service="cart.shop.svc.cluster.local",' +
    'destination_canonical_service="cart",destination_canonical_revision="latest",' +
    'destination_service_name="cart",destination_service_namespace="shop",destination_cluster="Kubernetes",' +
    'request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",' +
    'connection_security_policy="unknown"} 2',
  ]);
  assert.deepEqual(lines(metrics, "istio_build"), ['istio_build{component="proxy",tag="1.31.0"} 1']);
  assert.match(lines(metrics, "istio_request_duration_milliseconds_sum")[0]!, /"} 24$/);
  assert.match(lines(metrics, "istio_request_bytes_sum")[0]!, /"} 600$/);
  assert.match(lines(metrics, "istio_response_bytes_sum")[0]!, /"} 5200$/);
});

Deno.test("the destination counts from its own side", () => {
  const metrics = new IstioMetrics(new MetricRegistry(), sleep, "");
  const recorder = metrics.recorder("destination", DEFAULT_STATS_CONFIG);
  recorder.recordRequest({ ...facts, grpc: true, grpcStatus: 0, service: { host: "", name: "", namespace: "" } });
  recorder.recordRequest({
    ...facts,
    peer: null,
    peerPrincipal: null,
    localPrincipal: null,
    responseCode: 0,
    responseFlags: "DC",
  });
  const [known, unknown] = lines(metrics, "istio_requests_total");
  assert.match(known!, /^istio_requests_total\{reporter="destination",source_workload="cart-v1",/);
  assert.match(known!, /,source_workload_namespace="shop",source_principal="spiffe:..cluster.local.ns.shop.sa.cart",/);
  assert.match(
    known!,
    /,destination_service="sleep",.*destination_service_name="sleep",destination_service_namespace="default",/,
  );
  assert.match(
    known!,
    /request_protocol="grpc",response_code="200",grpc_response_status="0",response_flags="-",connection_security_policy="mutual_tls"} 1$/,
  );
  assert.match(
    unknown!,
    /source_workload="unknown",.*source_canonical_revision="latest",source_workload_namespace="unknown",/,
  );
  assert.match(
    unknown!,
    /response_code="0",grpc_response_status="",response_flags="DC",connection_security_policy="none"} 1$/,
  );
  assert.deepEqual(lines(metrics, "istio_build"), ['istio_build{component="proxy",tag="unknown"} 1']);
});

Deno.test("message and TCP metrics have fewer labels", () => {
  const metrics = new IstioMetrics(new MetricRegistry(), sleep, "1.31.0");
  const recorder = metrics.recorder("source", DEFAULT_STATS_CONFIG);
  recorder.messages(facts).response!.add(3);
  const tcp = recorder.tcp({ ...facts, responseFlags: "UF" });
  tcp.opened!.add(1);
  tcp.sentBytes!.add(10);
  assert.match(lines(metrics, "istio_response_messages_total")[0]!, /destination_cluster="Kubernetes"} 3$/);
  assert.match(
    lines(metrics, "istio_tcp_connections_opened_total")[0]!,
    /destination_cluster="Kubernetes",request_protocol="tcp",response_flags="UF",connection_security_policy="unknown"} 1$/,
  );
  assert.match(lines(metrics, "istio_tcp_sent_bytes_total")[0]!, /"} 10$/);
  assert.match(lines(metrics, "istio_tcp_connections_closed_total")[0]!, /"} 0$/);
});

Deno.test("the Telemetry API removes, changes and adds labels and drops metrics", () => {
  const config = readStatsConfig({
    metrics: [
      {
        name: "requests_total",
        dimensions: { method: "request.method", source_app: "'mine'" },
        tagsToRemove: ["request_protocol"],
      },
      { name: "request_bytes", drop: true },
      { tagsToRemove: ["source_principal"] },
    ],
    tcpReportingDuration: { seconds: 10 },
    disableHostHeaderFallback: true,
  });
  assert.equal(config.hostHeaderFallback, false);
  assert.equal(config.reportingIntervalMs, 10_000);
  assert.equal(config.attributes.length, 2);
  const metrics = new IstioMetrics(new MetricRegistry(), sleep, "1.31.0");
  metrics.recorder("source", config).recordRequest({ ...facts, attributes: ["GET", "mine"] });
  const [line] = lines(metrics, "istio_requests_total");
  assert.match(line!, /source_workload_namespace="default",source_app="mine",/);
  assert.match(
    line!,
    /destination_cluster="Kubernetes",response_code="200",.*connection_security_policy="unknown",method="GET"} 1$/,
  );
  assert.deepEqual(lines(metrics, "istio_request_bytes"), []);
  assert.equal(lines(metrics, "istio_response_bytes_count").length, 1);
  assert.doesNotMatch(lines(metrics, "istio_response_bytes_count")[0]!, /source_principal/);
});

Deno.test("expressions that are no plain attribute are reported and read unknown", () => {
  const config = readStatsConfig({
    metrics: [{ name: "requests_total", dimensions: { a: "request.path.startsWith('/x')", b: "request.nonsense" } }],
    definitions: [{ name: "mine" }],
  });
  assert.deepEqual(config.unsupported, [
    "metric definition 'mine': own metrics are not supported",
    "expression 'request.path.startsWith('/x')': only plain attributes are supported",
    "expression 'request.nonsense': only plain attributes are supported",
  ]);
});

Deno.test("whatever changes in the facts finds another series", () => {
  const metrics = new IstioMetrics(new MetricRegistry(), sleep, "1.31.0");
  const config = readStatsConfig({ metrics: [{ name: "requests_total", dimensions: { m: "request.method" } }] });
  const recorder = metrics.recorder("destination", config);
  const variants: Partial<RequestFacts>[] = [
    {},
    { peer: { ...cart, workloadName: "other" } },
    { service: { host: "h", name: "n", namespace: "" } },
    { peerPrincipal: null },
    { localPrincipal: null },
    { grpc: true, grpcStatus: 0 },
    { grpc: true, grpcStatus: 1 },
    { responseCode: 404 },
    { responseFlags: "NR" },
    { attributes: ["POST"] },
  ];
  for (let round = 0; round < 3; round++) {
    for (const variant of variants) recorder.recordRequest({ ...facts, attributes: ["GET"], ...variant });
  }
  const shown = lines(metrics, "istio_requests_total");
  assert.equal(shown.length, variants.length);
  for (const line of shown) assert.match(line, / 3$/);
});

Deno.test("hostile label values neither grow the memory nor stop the counting", () => {
  const metrics = new IstioMetrics(new MetricRegistry({ maxSeries: 50 }), sleep, "1.31.0");
  const config = readStatsConfig({ metrics: [{ dimensions: { path: "request.path" } }] });
  const recorder = metrics.recorder("destination", config);
  for (let i = 0; i < 6000; i++) {
    const peer = i % 2 === 0 ? cart : { ...cart, workloadName: `w${i}` };
    recorder.recordRequest({ ...facts, peer, attributes: [`/${i}`] });
  }
  const shown = lines(metrics, "istio_requests_total");
  assert.equal(shown.length, 51);
  const total = shown.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  assert.equal(total, 6000);
});
