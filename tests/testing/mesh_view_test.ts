import assert from "node:assert/strict";
import { MeshView } from "../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import type { ProxyNode } from "../../lib/testing/proxy_node.ts";
import { ServiceMemory } from "../../lib/testing/service_memory.ts";
import { podManifest, resolveWorkload } from "../../lib/testing/workload.ts";
import { DEFAULT_SETTINGS } from "./default_settings.ts";

function viewOf(...documents: string[]): MeshView {
  const store = new ObjectStore();
  for (const document of documents) store.apply(document);
  return new MeshView(store, DEFAULT_SETTINGS);
}

function node(name: string, labels: Record<string, string> = {}): ProxyNode {
  return {
    id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
    ips: ["127.0.0.1"],
    name,
    namespace: "default",
    serviceAccount: undefined,
    labels,
    clusterId: "Kubernetes",
    meshId: "cluster.local",
    locality: undefined,
    metadata: {},
  };
}

const service = (name: string, targetPort: string | number, extra = "") =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {${extra}selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: ${targetPort}}]}}`;
const pod = (name: string, ports: Record<string, number> = {}) => podManifest(resolveWorkload({ name, ports }));

function endpointsOf(view: MeshView, name: string): string[] {
  const found = view.service(`${name}.default.svc.cluster.local`)!;
  return view.endpoints(found, found.ports[0]!).map(({ address, port, serviceAccount }) =>
    `${address}:${port} ${serviceAccount}`
  );
}

Deno.test("several workloads on one loopback address are told apart by their pods", () => {
  const view = viewOf(
    service("reviews", "web"),
    service("ratings", 9090),
    pod("reviews-v1", { web: 4001 }),
    pod("reviews-v2", { web: 4002 }),
    pod("ratings-v1"),
  );
  assert.deepEqual(endpointsOf(view, "reviews"), ["127.0.0.1:4001 reviews", "127.0.0.1:4002 reviews"]);
  assert.deepEqual(endpointsOf(view, "ratings"), ["127.0.0.1:9090 ratings"]);
  const inbound = (name: string) =>
    view.inboundPorts(node(name)).map(({ service, targetPort }) => `${service.name}:${targetPort}`);
  assert.deepEqual(inbound("reviews-v1"), ["reviews:4001"]);
  assert.deepEqual(inbound("reviews-v2"), ["reviews:4002"]);
  assert.deepEqual(inbound("ratings-v1"), ["ratings:9090"]);
  assert.deepEqual(inbound("stranger"), []);
});

Deno.test("an EndpointSlice replaces the pods; it may name a port other than the one requests are matched on", () => {
  const view = viewOf(
    service("reviews", 8080),
    pod("reviews-v1"),
    pod("reviews-v2"),
    `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: e, labels: {kubernetes.io/service-name: reviews}},
      endpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: reviews-v1}}], ports: [{name: http, port: 40123}]}`,
  );
  assert.deepEqual(endpointsOf(view, "reviews"), ["127.0.0.1:40123 reviews"]);
  assert.deepEqual(view.inboundPorts(node("reviews-v1")).map(({ targetPort }) => targetPort), [8080]);
});

Deno.test("an endpoint whose pod is not named and not the only one at its address belongs to nobody", () => {
  const slice =
    `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: e, labels: {kubernetes.io/service-name: reviews}},
      endpoints: [{addresses: [127.0.0.1]}], ports: [{name: http, port: 1}]}`;
  assert.deepEqual(endpointsOf(viewOf(service("reviews", 1), slice, pod("reviews-v1")), "reviews"), [
    "127.0.0.1:1 reviews",
  ]);
  const two = viewOf(service("reviews", 1), slice, pod("reviews-v1"), pod("reviews-v2"));
  assert.deepEqual(endpointsOf(two, "reviews"), ["127.0.0.1:1 "]);
});

Deno.test("a service without an address gets one that stays, 'None' makes it headless", () => {
  const store = new ObjectStore();
  const memory = new ServiceMemory();
  store.apply(service("reviews", 80));
  const before = new MeshView(store, DEFAULT_SETTINGS, memory).services[0]!.address;
  store.apply(service("a-first", 80));
  store.apply(service("headless", 80, "clusterIP: None, "));
  const after = new MeshView(store, DEFAULT_SETTINGS, memory);
  assert.match(before!, /^10\.111\.0\.1$/);
  assert.equal(after.service("reviews.default.svc.cluster.local")!.address, before);
  assert.notEqual(after.service("a-first.default.svc.cluster.local")!.address, before);
  assert.equal(after.service("headless.default.svc.cluster.local")!.address, null);
});

Deno.test("mutual TLS mode: port before workload before namespace before mesh, unset inherits", () => {
  const policy = (name: string, namespace: string, spec: string) =>
    `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: ${name}, namespace: ${namespace}}, spec: {${spec}}}`;
  const view = viewOf(
    policy("mesh", "istio-system", "mtls: {mode: STRICT}"),
    policy("ns", "default", "mtls: {mode: DISABLE}"),
    policy("unset", "shop", "mtls: {mode: UNSET}"),
    policy(
      "web",
      "default",
      "selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {81: {mode: STRICT}, 82: {mode: UNSET}}",
    ),
    policy("db", "default", "selector: {matchLabels: {app: db}}, portLevelMtls: {81: {mode: STRICT}}"),
  );
  assert.equal(viewOf().mtlsMode("default", {}), "PERMISSIVE");
  assert.equal(view.mtlsMode("other", {}), "STRICT");
  assert.equal(view.mtlsMode("shop", {}), "STRICT");
  assert.equal(view.mtlsMode("default", {}), "DISABLE");
  assert.equal(view.mtlsMode("default", { app: "web" }), "PERMISSIVE");
  assert.equal(view.mtlsMode("default", { app: "web" }, 81), "STRICT");
  assert.equal(view.mtlsMode("default", { app: "web" }, 82), "PERMISSIVE");
  assert.equal(view.mtlsMode("default", { app: "db" }, 80), "DISABLE");
  assert.equal(view.mtlsMode("default", { app: "db" }, 81), "STRICT");
});
