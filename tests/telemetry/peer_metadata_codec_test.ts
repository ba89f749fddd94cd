import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../lib/protobuf/registry.ts";
import { type Json, jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { type LocalNode, localWorkload } from "../../lib/telemetry/local_node.ts";
import {
  decodePeerMetadata,
  encodePeerMetadata,
  EndpointWorkloads,
  parseEndpointWorkload,
  PeerMetadataCache,
} from "../../lib/telemetry/peer_metadata_codec.ts";

const node: LocalNode = {
  id: "sidecar~10.0.0.1~sleep-v1.default~default.svc.cluster.local",
  metadata: {
    CLUSTER_ID: "Kubernetes",
    INSTANCE_IPS: "10.0.0.1",
    LABELS: {
      app: "sleep",
      "security.istio.io/tlsMode": "istio",
      "service.istio.io/canonical-name": "sleep",
      "service.istio.io/canonical-revision": "v1",
      version: "v1",
    },
    NAME: "sleep-v1",
    NAMESPACE: "default",
    OWNER: "kubernetes://apis/apps/v1/namespaces/default/deployments/sleep-v1",
    PROXY_CONFIG: {},
    SERVICE_ACCOUNT: "sleep",
    WORKLOAD_NAME: "sleep-v1",
  },
};

function base64(value: { [key: string]: Json }): string {
  return btoa(String.fromCharCode(...encode("google.protobuf.Struct", jsonToStruct(value))));
}

Deno.test("sends what Istio's proxy sends, the same bytes each time", () => {
  const value = encodePeerMetadata(node);
  assert.equal(
    encodePeerMetadata({ ...node, metadata: Object.fromEntries(Object.entries(node.metadata).reverse()) }),
    value,
  );
  assert.equal(value.length % 4, 0, "padded");
  const text = atob(value);
  for (const sent of ["CLUSTER_ID", "NAMESPACE", "OWNER", "WORKLOAD_NAME", "canonical-revision"]) {
    assert.ok(text.includes(sent), sent);
  }
  for (const kept of ["PROXY_CONFIG", "tlsMode", "INSTANCE_IPS", "SERVICE_ACCOUNT"]) {
    assert.ok(!text.includes(kept), kept);
  }
});

Deno.test("a peer reads back what we are", () => {
  const value = encodePeerMetadata(node);
  assert.deepEqual(decodePeerMetadata(node.id, value), localWorkload(node));
  assert.deepEqual(decodePeerMetadata(node.id, value.replace(/=+$/, "")), localWorkload(node), "without padding");
});

Deno.test("garbage tells nothing and harms nothing", () => {
  const table = ["", "====", "a b", "%%%", "AAAA", base64({}).padEnd(9000, "A"), "Cg==", "/////w=="];
  for (const value of table) {
    const peer = decodePeerMetadata("id", value);
    assert.ok(peer === null || peer.workloadName === "", value.slice(0, 20));
  }
  assert.equal(decodePeerMetadata("id", btoa(String.fromCharCode(...nestedStruct(1500)))), null, "nested too deep");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, id) => {
    decodePeerMetadata(id, btoa(String.fromCharCode(...bytes)));
  }));
});

Deno.test("takes strings only, and cuts them", () => {
  const peer = decodePeerMetadata(
    "i".repeat(1000),
    base64({
      WORKLOAD_NAME: 5,
      NAMESPACE: "n".repeat(1000),
      LABELS: { app: { a: 1 }, version: "v2" },
      CLUSTER_ID: ["x"],
    }),
  )!;
  assert.deepEqual([peer.workloadName, peer.namespace.length, peer.app, peer.version, peer.clusterId, peer.id.length], [
    "",
    256,
    "",
    "v2",
    "",
    256,
  ]);
  assert.equal(decodePeerMetadata("", base64({ LABELS: "no labels" }))!.app, "");
});

Deno.test("remembers 500 peers, each for its own value only", () => {
  const cache = new PeerMetadataCache();
  const a = base64({ WORKLOAD_NAME: "a" });
  const b = base64({ WORKLOAD_NAME: "b" });
  const first = cache.get("id", a);
  assert.equal(cache.get("id", a), first);
  assert.equal(cache.get("id", b)!.workloadName, "b", "a borrowed id does not bring the owner's labels");
  assert.equal(cache.get("id", a)!.workloadName, "a");
  assert.equal(cache.get("id", "garbage!"), null);
  for (let i = 0; i < 2000; i++) cache.get(`id-${i}`, a);
  assert.equal(cache.size, 500);
  cache.get("x".repeat(600), a);
  assert.equal(cache.get("long", "A".repeat(9000)), null);
  assert.equal(cache.size, 500);
});

Deno.test("reads the workload of an endpoint", () => {
  assert.deepEqual(parseEndpointWorkload("cart-v1-a;shop;cart;v1;Kubernetes"), {
    id: "",
    workloadName: "cart-v1-a",
    namespace: "shop",
    canonicalService: "cart",
    canonicalRevision: "v1",
    clusterId: "Kubernetes",
    app: "",
    version: "",
  });
  assert.equal(parseEndpointWorkload("cart;shop;cart;v1"), null);
  const endpoints = new EndpointWorkloads();
  const metadata = { istio: { workload: "dns;default;dns;;Kubernetes" } };
  assert.equal(endpoints.get(metadata)!.canonicalRevision, "");
  assert.equal(endpoints.get(metadata), endpoints.get(metadata));
  assert.equal(endpoints.get({}), null);
  assert.equal(endpoints.get({ istio: { workload: 5 } }), null);
});

/** A Struct of one field whose value is a Struct of one field, and so on. */
function nestedStruct(depth: number): Uint8Array {
  const varint = (value: number) => value < 128 ? [value] : [value & 127 | 128, value >> 7];
  const wrap = (tag: number, bytes: number[]) => [tag, ...varint(bytes.length), ...bytes];
  let struct: number[] = [];
  for (let i = 0; i < depth && struct.length < 6000; i++) {
    // Struct.fields { key: "", value { struct_value { ... } } }
    struct = wrap(0x0a, wrap(0x12, wrap(0x2a, struct)));
  }
  return Uint8Array.from(struct);
}
