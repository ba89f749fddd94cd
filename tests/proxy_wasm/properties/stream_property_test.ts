import assert from "node:assert/strict";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { streamProperty } from "../../../lib/proxy_wasm/properties/stream_property.ts";
import type { PropertyValue } from "../../../lib/proxy_wasm/property_value.ts";
import type { Cluster } from "../../../lib/resource/cluster.ts";
import { callOf, request } from "../../support/calls.ts";

const NODE = {
  id: "sidecar~10.0.0.1~pod.ns~ns.svc.cluster.local",
  cluster: "pod.ns",
  metadata: { NAME: "pod", LABELS: { app: "reviews", ü: "é" }, PORTS: [80, 81] },
};

function theCall() {
  const call = callOf(
    request({
      method: "POST",
      path: "/a/b?q=1#f",
      authority: "reviews:80",
      pairs: ["x-many", "1", "x-many", "2", "user-agent", "test", "content-length", "5"],
    }),
    {
      direction: "inbound",
      downstream: {
        id: 7,
        local: { hostname: "10.0.0.1", port: 8080 },
        remote: { hostname: "::1", port: 4321 },
        tls: {
          alpn: null,
          sni: "outbound_.80_._.reviews",
          version: "TLSv1.3",
          cipher: "",
          peer: {
            principal: "spiffe://peer",
            uriSans: ["spiffe://peer"],
            dnsSans: [],
            subject: "",
            sha256: "abcd",
            certificate: new Uint8Array(0),
            chain: [],
          },
          localPrincipal: "spiffe://us",
        },
      },
    },
  );
  call.cluster = {
    name: "inbound|80||",
    metadata: { istio: { services: [{ name: "reviews", host: "reviews.default" }] } },
  } as unknown as Cluster;
  call.setFilterState("wasm.mine", "\xfe\xff");
  call.setDynamicMetadata("ns", { key: "value" });
  return call;
}

const TABLE: readonly (readonly [string, PropertyValue | undefined])[] = [
  ["request.path", "/a/b?q=1#f"],
  ["request.url_path", "/a/b"],
  ["request.query", "q=1"],
  ["request.host", "reviews:80"],
  ["request.scheme", "http"],
  ["request.method", "POST"],
  ["request.protocol", "HTTP/1.1"],
  ["request.headers.x-many", "1,2"],
  ["request.headers.X-Many", "1,2"],
  ["request.headers.:path", "/a/b?q=1#f"],
  ["request.headers.none", undefined],
  ["request.useragent", "test"],
  ["request.referer", undefined],
  ["request.id", undefined],
  ["request.time", 0n],
  ["request.duration", undefined],
  ["request.size", 5],
  ["request.nothing", undefined],
  ["response.code", undefined],
  ["response.flags", 0],
  ["response.size", 0],
  ["source.address", "[::1]:4321"],
  ["source.port", 4321],
  ["destination.address", "10.0.0.1:8080"],
  ["destination.port", 8080],
  ["connection.id", 7],
  ["connection_id", 7],
  ["connection.mtls", true],
  ["connection.requested_server_name", "outbound_.80_._.reviews"],
  ["connection.tls_version", "TLSv1.3"],
  ["connection.uri_san_peer_certificate", "spiffe://peer"],
  ["connection.uri_san_local_certificate", "spiffe://us"],
  ["connection.dns_san_peer_certificate", undefined],
  ["connection.sha256_peer_certificate_digest", "abcd"],
  ["upstream.address", undefined],
  ["upstream.request_attempt_count", 0],
  ["node.id", NODE.id],
  ["node.cluster", "pod.ns"],
  ["node.metadata.NAME", "pod"],
  ["node.metadata.LABELS.app", "reviews"],
  ["node.metadata.LABELS.\u00fc", "\xc3\xa9"],
  ["node.metadata.PORTS.1", { kind: "double", value: 81 }],
  ["node.metadata.PORTS.2", undefined],
  ["node.metadata.toString", undefined],
  ["xds.node.id", NODE.id],
  ["xds.cluster_name", "inbound|80||"],
  ["cluster_name", "inbound|80||"],
  ["cluster_metadata.filter_metadata.istio.services.0.name", "reviews"],
  ["xds.cluster_metadata.filter_metadata.istio.services.0.host", "reviews.default"],
  ["xds.route_name", undefined],
  ["listener_direction", 1],
  ["metadata.filter_metadata.ns.key", "value"],
  ["mine", "\xfe\xff"],
  ["mine.more", undefined],
  ["filter_state.wasm\u0001mine", undefined],
  ["", undefined],
];

Deno.test("properties of a stream, by Envoy's names", () => {
  const call = theCall();
  for (const [path, expected] of TABLE) {
    // Parts may hold dots themselves; here none does.
    assert.deepEqual(streamProperty(call, NODE, path.split(".")), expected, path);
  }
  assert.equal(streamProperty(call, NODE, ["filter_state", "wasm.mine"]), "\xfe\xff");
});

Deno.test("properties of a response, with Envoy's bits of the flags", () => {
  const call = theCall();
  call.response = { status: 503, headers: new HeaderList(["x", "1", "grpc-status", "14"]), body: null };
  call.addFlag("UH");
  call.addFlag("NR");
  call.responseCodeDetails = "no_healthy_upstream";
  assert.equal(streamProperty(call, NODE, ["response", "code"]), 503);
  assert.equal(streamProperty(call, NODE, ["response", "flags"]), 0x102);
  assert.equal(streamProperty(call, NODE, ["response", "grpc_status"]), 14);
  assert.equal(streamProperty(call, NODE, ["response", "headers", "x"]), "1");
  assert.equal(streamProperty(call, NODE, ["response", "code_details"]), "no_healthy_upstream");
});

Deno.test("messages as a whole are protobuf, nodes that only lead on are empty maps", () => {
  const call = theCall();
  assert.ok(streamProperty(call, NODE, ["node"]) instanceof Uint8Array);
  assert.ok(streamProperty(call, NODE, ["cluster_metadata"]) instanceof Uint8Array);
  const request = streamProperty(call, NODE, ["request"]);
  assert.ok(typeof request === "object" && !(request instanceof Uint8Array) && request.kind === "map");
  assert.deepEqual([...request.entries()!], []);
});
