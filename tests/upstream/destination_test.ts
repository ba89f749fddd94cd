import assert from "node:assert/strict";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import { destinationOf, ORIGINAL_DST_STATE } from "../../lib/upstream/destination.ts";
import { cluster } from "../support/resource_objects.ts";
import { request } from "./fake_upstream.ts";

function destination(
  overrides: Partial<Cluster>,
  headers: string[] = [],
  authority = "backend.default",
  state: string | null = null,
) {
  const sent = request({ authority, headers: new HeaderList(headers) });
  const call = new Call({
    direction: "outbound",
    startTime: 0,
    request: sent,
    exchange: new Exchange(),
    downstream: null,
  });
  call.requestedAddress = "10.0.0.1:80";
  if (state !== null) call.setFilterState(ORIGINAL_DST_STATE, state);
  call.setDynamicMetadata("ns", { where: { to: "10.9.0.1:1" }, list: ["10.9.0.2:2"], odd: "nowhere" });
  return destinationOf(cluster({ type: "original_dst", ...overrides }), sent, call);
}

const FORGED = ["x-envoy-original-dst-host", "10.6.6.6:80"];

Deno.test("A forged x-envoy-original-dst-host changes nothing unless the cluster uses it", () => {
  assert.equal(destination({}, FORGED), "10.0.0.1:80");
  assert.equal(destination({ originalDstHeader: "x-where" }, FORGED), "10.0.0.1:80");
  assert.equal(destination({ originalDstHeader: "x-envoy-original-dst-host" }, FORGED), "10.6.6.6:80");
  assert.equal(destination({ type: "eds", originalDstHeader: "x-envoy-original-dst-host" }, FORGED), null);
});

Deno.test("What is no address in a header is not given", () => {
  for (const odd of ["", "10.0.0.1", "host:80", "10.0.0.1:0", "10.0.0.1:70000", "10.0.0.1:8x", "[::1]"]) {
    assert.equal(destination({ originalDstHeader: "h" }, ["h", odd]), "10.0.0.1:80", odd);
  }
  assert.equal(destination({ originalDstHeader: "h" }, ["h", "[2001:db8::1]:443"]), "[2001:db8::1]:443");
});

Deno.test("Metadata comes before the header, also the first of a list", () => {
  const at = (...path: string[]) => ({ namespace: "ns", path });
  const originalDstHeader = "h";
  const headers = ["h", "10.6.6.6:80"];
  assert.equal(destination({ originalDstMetadata: at("where", "to"), originalDstHeader }, headers), "10.9.0.1:1");
  assert.equal(destination({ originalDstMetadata: at("list") }), "10.9.0.2:2");
  assert.equal(destination({ originalDstMetadata: at("odd"), originalDstHeader }, headers), "10.6.6.6:80");
  assert.equal(destination({ originalDstMetadata: at("where", "no", "such") }), "10.0.0.1:80");
});

Deno.test("Filter state comes before all else, where it is an address, and leads no other cluster", () => {
  const originalDstMetadata = { namespace: "ns", path: ["where", "to"] };
  assert.equal(destination({ originalDstMetadata }, [], undefined, "10.1.2.3:4"), "10.1.2.3:4");
  assert.equal(destination({ originalDstMetadata }, [], undefined, "name:4"), "10.9.0.1:1");
  assert.equal(destination({ type: "eds" }, [], undefined, "10.1.2.3:4"), null);
});

Deno.test("A dynamic forward proxy goes to the host of the request, at the port of what it speaks", () => {
  const type = "dynamic_forward_proxy";
  const table: [string, string | null][] = [
    ["A.example", "a.example:80"],
    ["a.example:8080", "a.example:8080"],
    ["[::1]", "[::1]:80"],
    ["[::1]:81", "[::1]:81"],
    ["", null],
  ];
  for (const [authority, expected] of table) assert.equal(destination({ type }, FORGED, authority), expected);
  const context = {
    certificates: [],
    validation: null,
    alpn: [],
    minVersion: null,
    maxVersion: null,
    sni: "",
    autoSni: true,
    autoSanValidation: true,
    requireClientCertificate: false,
  };
  assert.equal(destination({ type, transportSocket: { kind: "tls", context } }, [], "a.example"), "a.example:443");
});
