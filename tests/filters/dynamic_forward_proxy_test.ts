import assert from "node:assert/strict";
import { dynamicForwardProxyFilter } from "../../filters/dynamic_forward_proxy.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import { FILTER_DISABLED } from "../../lib/resource/filter_parsers.ts";
import { fakeCall, fakeContext, fakeRequest, fakeRoute } from "./fake_call.ts";

const NAME = "envoy.filters.http.dynamic_forward_proxy";
const CONFIG = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
const PER_ROUTE = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";

async function pass(perRoute: object | null, type: Cluster["type"], authority: string, headers: string[] = []) {
  const context = { ...fakeContext(), cluster: () => ({ type }) as Cluster };
  const plan = dynamicForwardProxyFilter.parse(encode(CONFIG, { dnsCacheConfig: { name: "cache" } }));
  const request = fakeRequest(headers);
  request.authority = authority;
  const call = fakeCall(request, context);
  call.chosen = fakeRoute(perRoute === null ? {} : { [NAME]: perRoute });
  const response = await plan.create(context)!(() =>
    Promise.resolve({ status: 200, headers: request.headers, body: null })
  )(request, call);
  return { authority: request.authority, status: response.status, details: call.responseCodeDetails };
}

function rewrite(fields: { hostRewriteLiteral?: string; hostRewriteHeader?: string }): object {
  return dynamicForwardProxyFilter.perRoute!.parse(encode(PER_ROUTE, fields));
}

Deno.test("The host of the request decides, rewritten by the route where it says so", async () => {
  const type = "dynamic_forward_proxy";
  assert.equal((await pass(null, type, "a.example")).authority, "a.example");
  assert.equal((await pass(rewrite({ hostRewriteLiteral: "b.example" }), type, "a.example")).authority, "b.example");
  const byHeader = rewrite({ hostRewriteHeader: "X-Host" });
  assert.equal((await pass(byHeader, type, "a.example", ["x-host", "c.example:81"])).authority, "c.example:81");
  assert.equal((await pass(byHeader, type, "a.example")).authority, "a.example");
});

Deno.test("Requests of other clusters and of routes that switch it off pass as they are", async () => {
  const literal = rewrite({ hostRewriteLiteral: "b.example" });
  assert.equal((await pass(literal, "eds", "a.example")).authority, "a.example");
  assert.equal((await pass(FILTER_DISABLED, "dynamic_forward_proxy", "a.example")).authority, "a.example");
});

Deno.test("A request without a host is refused", async () => {
  const { status, details } = await pass(null, "dynamic_forward_proxy", "");
  assert.deepEqual([status, details], [400, "empty_host_header"]);
});

Deno.test("Its DNS cache must have a name", () => {
  assert.throws(() => dynamicForwardProxyFilter.parse(encode(CONFIG, { dnsCacheConfig: {} })), /dns_cache_config.name/);
});
