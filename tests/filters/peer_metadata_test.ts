import assert from "node:assert/strict";
import { peerMetadataFilter } from "../../filters/peer_metadata.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { type Json, jsonToStruct } from "../../lib/protobuf/well_known.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import { encodePeerMetadata } from "../../lib/telemetry/peer_metadata_codec.ts";
import {
  fakeCall,
  fakeCluster,
  fakeContext,
  fakeEndpoint,
  fakeRequest,
  fakeResponse,
  fakeRoute,
  fakeTelemetry,
  layerOf,
  SLEEP,
} from "./fake_call.ts";

const ID = "x-envoy-peer-metadata-id";
const VALUE = "x-envoy-peer-metadata";
const OWN = [ID, SLEEP.id, VALUE, encodePeerMetadata(SLEEP)];
const CART_NODE = { id: "sidecar~10.0.0.9~cart.shop~shop.svc.cluster.local", metadata: { WORKLOAD_NAME: "cart-v1" } };
const CART = [ID, CART_NODE.id, VALUE, encodePeerMetadata(CART_NODE)];

function struct(json: { [key: string]: Json }): Uint8Array {
  return encode("google.protobuf.Struct", jsonToStruct(json));
}

// As recorded from a real istiod.
const OUTBOUND = struct({
  upstream_discovery: [{ istio_headers: {} }, { workload_discovery: {} }],
  upstream_propagation: [{ istio_headers: {} }],
});
const INBOUND = struct({
  downstream_discovery: [{ istio_headers: {} }, { workload_discovery: {} }],
  downstream_propagation: [{ istio_headers: {} }],
});

async function outbound(cluster: Cluster | null, sent: string[], answered: string[], endpoint = "", config = OUTBOUND) {
  const context = fakeContext({ telemetry: fakeTelemetry(), cluster: () => cluster });
  const request = fakeRequest(sent);
  const call = fakeCall(request, context);
  call.chosen = fakeRoute({});
  let seen: string[] = [];
  const handler = layerOf(peerMetadataFilter, config, context)((request, call) => {
    seen = request.headers.pairs.slice();
    if (endpoint !== "") call.endpoint = fakeEndpoint(endpoint);
    return Promise.resolve(fakeResponse(200, answered));
  });
  const response = await handler(request, call);
  return { seen, response: response.headers.pairs, peer: call.peer };
}

Deno.test("outbound: tells services of the mesh who we are, and nobody else", async () => {
  const table: [Cluster | null, boolean][] = [
    [fakeCluster("outbound|80||cart.shop.svc.cluster.local"), true],
    [fakeCluster("outbound|80||ext", { external: true }), false],
    [fakeCluster("outbound|80||cart", { disable_mx: true }), false],
    [fakeCluster("outbound|80||cart", { external: false }), true],
    [fakeCluster("PassthroughCluster"), false],
    [fakeCluster("BlackHoleCluster"), false],
    [null, false],
  ];
  for (const [cluster, told] of table) {
    const { seen } = await outbound(cluster, ["a", "1", ID, "forged", VALUE, "forged"], []);
    assert.deepEqual(seen, told ? ["a", "1", ...OWN] : ["a", "1"], cluster?.name ?? "no cluster");
  }
});

Deno.test("outbound: reads and takes off what the answer tells", async () => {
  const mesh = fakeCluster("outbound|80||cart");
  const { response, peer } = await outbound(mesh, [], ["b", "2", ...CART], "other;shop;other;v1;c1");
  assert.deepEqual(response, ["b", "2"]);
  assert.equal(peer?.workloadName, "cart-v1");
});

Deno.test("outbound: falls back to the metadata of the endpoint", async () => {
  const mesh = fakeCluster("outbound|80||cart");
  for (const answered of [[], [ID, "x"], [ID, "x", VALUE, "%%garbage"]]) {
    const { response, peer } = await outbound(mesh, [], answered, "cart-v1-a;shop;cart;v1;Kubernetes");
    assert.deepEqual(response, []);
    assert.equal(peer?.workloadName, "cart-v1-a");
    assert.equal(peer?.namespace, "shop");
  }
  assert.equal((await outbound(mesh, [], [])).peer, null);
});

Deno.test("without the header method nothing is told or believed, and all is still taken off", async () => {
  const config = struct({ upstream_discovery: [{ workload_discovery: {} }], upstream_propagation: [{ baggage: {} }] });
  const { seen, response, peer } = await outbound(fakeCluster("outbound|80||cart"), ["a", "1"], CART, "", config);
  assert.deepEqual([seen, response, peer], [["a", "1"], [], null]);
});

async function inbound(sent: string[]) {
  const context = fakeContext({ direction: "inbound", telemetry: fakeTelemetry() });
  const request = fakeRequest(sent);
  const call = fakeCall(request, context);
  let seen: string[] = [];
  const handler = layerOf(peerMetadataFilter, INBOUND, context)((request) => {
    seen = request.headers.pairs.slice();
    return Promise.resolve(fakeResponse(200, ["c", "3"]));
  });
  const response = await handler(request, call);
  return { seen, response: response.headers.pairs, peer: call.peer };
}

Deno.test("inbound: the application sees no metadata, the caller gets ours only if it sent its own", async () => {
  const told = await inbound(["a", "1", ...CART]);
  assert.deepEqual(told.seen, ["a", "1"]);
  assert.deepEqual(told.response, ["c", "3", ...OWN]);
  assert.equal(told.peer?.workloadName, "cart-v1");
  assert.equal(told.peer?.id, CART_NODE.id);
  const silent = await inbound(["a", "1"]);
  assert.deepEqual(silent.response, ["c", "3"]);
  assert.equal(silent.peer, null);
  const idOnly = await inbound([ID, "x"]);
  assert.deepEqual(idOnly.response, ["c", "3", ID, SLEEP.id]);
});

Deno.test("inbound: hostile metadata is taken off and ignored", async () => {
  const hostile = [ID, "i".repeat(9000), VALUE, "A".repeat(60_000), VALUE, "second"];
  const { seen, peer } = await inbound(hostile);
  assert.deepEqual([seen, peer], [[], null]);
});

Deno.test("does nothing without telemetry", () => {
  assert.equal(peerMetadataFilter.parse(OUTBOUND).create(fakeContext()), null);
});
