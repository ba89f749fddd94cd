import assert from "node:assert/strict";
import { alpnFilter } from "../../filters/alpn.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { fakeCall, fakeCluster, fakeContext, fakeRequest, fakeResponse, fakeRoute, layerOf } from "./fake_call.ts";

// As recorded from a real istiod: HTTP10 is the default value and so not on the wire.
const CONFIG = encode("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", {
  alpnOverride: [
    { alpnOverride: ["istio-http/1.0", "istio", "http/1.0"] },
    { upstreamProtocol: "HTTP11", alpnOverride: ["istio-http/1.1", "istio", "http/1.1"] },
    { upstreamProtocol: "HTTP2", alpnOverride: ["istio-h2", "istio", "h2"] },
  ],
});

async function override(istio: Record<string, string>) {
  const context = fakeContext({ cluster: (name) => fakeCluster(name, istio) });
  const request = fakeRequest();
  const call = fakeCall(request, context);
  call.chosen = fakeRoute({});
  await layerOf(alpnFilter, CONFIG, context)(() => Promise.resolve(fakeResponse()))(request, call);
  return call.alpnOverride;
}

Deno.test("leaves the ALPN lists on the call", async () => {
  assert.deepEqual([...(await override({}))!], [
    ["HTTP/1.0", ["istio-http/1.0", "istio", "http/1.0"]],
    ["HTTP/1.1", ["istio-http/1.1", "istio", "http/1.1"]],
    ["HTTP/2", ["istio-h2", "istio", "h2"]],
  ]);
});

Deno.test("leaves clusters alone that say so", async () => {
  assert.equal(await override({ alpn_override: "false" }), null);
});
