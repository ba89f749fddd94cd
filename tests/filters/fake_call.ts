import type { FilterContext, HttpFilterType, HttpLayer } from "../../lib/filter/http_filter.ts";
import { Call, type ChosenRoute } from "../../lib/http/call.ts";
import type { Body } from "../../lib/http/body.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import type { Cluster } from "../../lib/resource/cluster.ts";
import type { Metadata } from "../../lib/resource/common.ts";
import type { Endpoint } from "../../lib/resource/endpoint.ts";
import { FilterTelemetry } from "../../lib/telemetry/filter_telemetry.ts";
import { IstioMetrics } from "../../lib/telemetry/istio_metrics.ts";
import { localWorkload } from "../../lib/telemetry/local_node.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

/** Our own node in these tests. */
export const SLEEP = {
  id: "sidecar~10.0.0.1~sleep-v1.default~default.svc.cluster.local",
  metadata: {
    NAMESPACE: "default",
    WORKLOAD_NAME: "sleep-v1",
    LABELS: { app: "sleep", "service.istio.io/canonical-name": "sleep" },
  },
};

/** Telemetry of a process with its own registry. */
export function fakeTelemetry(): FilterTelemetry {
  return new FilterTelemetry(SLEEP, new IstioMetrics(new MetricRegistry(), localWorkload(SLEEP), "1.31.0"));
}

/** A filter context with a clock that stands still; `overrides` change single facts. */
export function fakeContext(overrides: Partial<FilterContext> = {}): FilterContext & { clock: FakeClock } {
  const clock = new FakeClock();
  return { direction: "outbound", random: () => 0.5, logger: silentLogger, ...overrides, clock };
}

/** A request with these headers (flat) and content. */
export function fakeRequest(headers: string[] = [], body: Body | null = null, method = "GET"): HttpRequest {
  return {
    method,
    scheme: "http",
    authority: "cart.shop:80",
    path: "/items",
    headers: new HeaderList(headers.slice()),
    body,
    protocol: "HTTP/1.1",
  };
}

/** A response with these headers (flat) and content. */
export function fakeResponse(status = 200, headers: string[] = [], body: Body | null = null): HttpResponse {
  return { status, headers: new HeaderList(headers.slice()), body };
}

/** A call of that request, as the stack makes it. */
export function fakeCall(request: HttpRequest, context: FilterContext): Call {
  return new Call({
    direction: context.direction,
    startTime: context.clock.now(),
    request,
    exchange: new Exchange(),
    downstream: null,
  });
}

/** A cluster of that name and metadata; nothing else of it is set. */
export function fakeCluster(name: string, istio: Metadata[string] = {}): Cluster {
  return { name, metadata: { istio } } as unknown as Cluster;
}

/** An endpoint whose metadata names that workload. */
export function fakeEndpoint(workload: string): Endpoint {
  return {
    address: "10.0.0.9",
    port: 80,
    key: "10.0.0.9:80",
    metadata: { istio: { workload } },
  } as unknown as Endpoint;
}

/** A chosen route with per-route configuration of filters. */
export function fakeRoute(perFilterConfig: Record<string, object>, clusterName = "outbound|80||cart"): ChosenRoute {
  const route = { name: "default", perFilterConfig: new Map(Object.entries(perFilterConfig)) };
  const virtualHost = { name: "cart", perFilterConfig: new Map() };
  return { virtualHost, route, clusterName } as unknown as ChosenRoute;
}

/** The layer of a filter type under that configuration. */
export function layerOf(type: HttpFilterType, config: Uint8Array, context: FilterContext): HttpLayer {
  const layer = type.parse(config).create(context);
  if (layer === null) throw new Error("The filter has no layer in this context");
  return layer;
}
