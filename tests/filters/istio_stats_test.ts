import assert from "node:assert/strict";
import { istioStatsFilter } from "../../filters/istio_stats.ts";
import type { FilterContext } from "../../lib/filter/http_filter.ts";
import type { Call } from "../../lib/http/call.ts";
import type { ConnectionInfo } from "../../lib/transport/byte_stream.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { type Json, jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { exposeMetrics } from "../../lib/telemetry/exposition.ts";
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
} from "./fake_call.ts";

const CART = fakeCluster("outbound|80||cart", {
  services: [{ host: "cart.shop.svc.cluster.local", name: "cart", namespace: "shop" }] as Json,
});

function connection(peer: string, local: string): ConnectionInfo {
  return {
    id: 1,
    local: { hostname: "10.0.0.1", port: 1 },
    remote: { hostname: "10.0.0.9", port: 80 },
    tls: {
      alpn: null,
      sni: null,
      version: "TLSv1.3",
      cipher: "",
      localPrincipal: local,
      peer: { principal: peer } as NonNullable<NonNullable<ConnectionInfo["tls"]>["peer"]>,
    },
  };
}

function metrics(context: FilterContext, prefix: string): string[] {
  return exposeMetrics(context.telemetry!.metrics.registry).split("\n").filter((line) => line.startsWith(prefix));
}

/** Sends one request through the filter, lets `change` set what the rest of the stack would, and completes it. */
async function send(
  context: ReturnType<typeof fakeContext>,
  config: Uint8Array,
  change: (call: Call) => void,
  headers: string[] = [],
): Promise<void> {
  const request = fakeRequest(headers);
  const call = fakeCall(request, context);
  call.chosen = fakeRoute({});
  const handler = layerOf(istioStatsFilter, config, context)((_, call) => {
    change(call);
    return Promise.resolve(fakeResponse(201));
  });
  await handler(request, call);
  await context.clock.advance(42);
  call.exchange.complete();
}

const DEFAULT = encode("stats.PluginConfig", {});

Deno.test("outbound: counts a request when it is over, with both ends", async () => {
  const context = fakeContext({ telemetry: fakeTelemetry() });
  await send(context, DEFAULT, (call) => {
    call.cluster = CART;
    call.endpoint = fakeEndpoint("cart-v1-a;shop;cart;v1;Kubernetes");
    call.upstream = connection("spiffe://td/ns/shop/sa/cart", "spiffe://td/ns/default/sa/sleep");
    call.exchange.requestHeaderBytes = 200;
    call.exchange.requestBodyBytes = 50;
    call.exchange.responseHeaderBytes = 100;
    call.exchange.responseBodyBytes = 3000;
  });
  const [line, ...more] = metrics(context, "istio_requests_total");
  assert.deepEqual(more, []);
  for (
    const label of [
      'reporter="source"',
      'source_workload="sleep-v1"',
      'source_principal="spiffe://td/ns/default/sa/sleep"',
      'destination_workload="cart-v1-a"',
      'destination_workload_namespace="shop"',
      'destination_principal="spiffe://td/ns/shop/sa/cart"',
      'destination_service="cart.shop.svc.cluster.local"',
      'destination_service_name="cart"',
      'response_code="201"',
      'connection_security_policy="unknown"',
    ]
  ) assert.ok(line!.includes(label), label);
  assert.match(metrics(context, "istio_request_duration_milliseconds_sum")[0]!, / 42$/);
  assert.match(metrics(context, "istio_request_bytes_sum")[0]!, / 250$/);
  assert.match(metrics(context, "istio_response_bytes_sum")[0]!, / 3100$/);
});

Deno.test("inbound: names the service by the cluster of the route", async () => {
  const context = fakeContext({ direction: "inbound", telemetry: fakeTelemetry(), cluster: () => CART });
  await send(context, DEFAULT, () => {});
  const [line] = metrics(context, "istio_requests_total");
  assert.match(line!, /reporter="destination".*destination_service="cart.shop.svc.cluster.local".*policy="none"/);
});

Deno.test("the host header names the service only where the configuration lets it", async () => {
  const table: [boolean, string][] = [[false, "cart.shop:80"], [true, "unknown"]];
  for (const [disabled, host] of table) {
    const context = fakeContext({ telemetry: fakeTelemetry() });
    await send(context, encode("stats.PluginConfig", { disableHostHeaderFallback: disabled }), () => {});
    assert.ok(metrics(context, "istio_requests_total")[0]!.includes(`destination_service="${host}"`), host);
  }
});

Deno.test("counts what others answered, and what nobody answered", async () => {
  const context = fakeContext({ telemetry: fakeTelemetry() });
  const request = fakeRequest();
  const call = fakeCall(request, context);
  const handler = layerOf(istioStatsFilter, DEFAULT, context)((_, call) => {
    call.addFlag("DC");
    return Promise.reject(new Error("The caller went away"));
  });
  await assert.rejects(handler(request, call));
  call.exchange.complete(new Error("Reset"));
  assert.match(metrics(context, "istio_requests_total")[0]!, /response_code="0".*response_flags="DC"/);
  assert.equal(istioStatsFilter.parse(DEFAULT).watches, true, "stands outermost");
});

Deno.test("takes label values from attributes", async () => {
  const context = fakeContext({ telemetry: fakeTelemetry() });
  const config = {
    metrics: [{ name: "requests_total", dimensions: { method: "request.method", h: "request.headers['x-h']" } }],
  };
  await send(context, encode("stats.PluginConfig", config), () => {}, ["x-h", "v"]);
  assert.match(metrics(context, "istio_requests_total")[0]!, /,h="v",method="GET"} 1$/);
});

Deno.test("reads a configuration that came as JSON", () => {
  const json = {
    metrics: [{ name: "requests_total", dimensions: { a: "size(request.path)" } }],
    tcp_reporting_duration: "10s",
  };
  const plan = istioStatsFilter.parse(encode("google.protobuf.Struct", jsonToStruct(json)), "struct");
  assert.deepEqual(plan.unsupported, ["expression 'size(request.path)': only plain attributes are supported"]);
});

Deno.test("gRPC: counts messages at the end, and while a long stream flows", async () => {
  const context = fakeContext({ telemetry: fakeTelemetry() });
  const request = fakeRequest(["content-type", "application/grpc"]);
  const call = fakeCall(request, context);
  await layerOf(istioStatsFilter, DEFAULT, context)(() => Promise.resolve(fakeResponse()))(request, call);
  const pass = (messages: number) => call.grpcResponseMessages += messages;
  const counted = () => metrics(context, "istio_response_messages_total").map((line) => Number(line.split(" ").at(-1)));
  pass(3);
  assert.deepEqual(counted(), [], "not before the interval is over");
  await context.clock.advance(5000);
  assert.deepEqual(counted(), [3], "also while nothing passes");
  pass(1);
  await context.clock.advance(5000);
  assert.deepEqual(counted(), [4]);
  pass(2);
  assert.deepEqual(counted(), [4]);
  call.grpcStatus = 0;
  call.exchange.complete();
  assert.deepEqual(counted(), [6]);
  assert.match(metrics(context, "istio_requests_total")[0]!, /request_protocol="grpc".*grpc_response_status="0"/);
});
