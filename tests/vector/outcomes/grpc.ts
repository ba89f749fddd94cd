import type { OutcomeTable } from "./outcome_table.ts";
import { at, cluster, DEFAULT_RETRIES, mutual } from "./parts.ts";

const ORDERS = "orders.shop.svc.cluster.local";
const HEADLESS = "orders-headless.shop.svc.cluster.local";
const GRPC = { "content-type": "application/grpc", te: "trailers" };

/** gRPC: HTTP/2 by port name and by appProtocol, headless services, routes by method. */
export const GRPC_TABLE: OutcomeTable = {
  recording: "grpc/sleep",
  fake: { without: /$^/ },
  cases: [
    {
      request: "POST http://orders.shop:7070/orders.v1.Orders/Get",
      headers: { ...GRPC, "x-stage": "next" },
      expect: {
        cluster: cluster(ORDERS, 7070),
        timeoutMs: 5000,
        retry: { retryOn: ["unavailable", "deadline-exceeded"], numRetries: 3, perTryTimeoutMs: 1000 },
        settings: { http: { protocol: "http2", maxConcurrentStreams: 100 }, circuitBreakers: { maxRequests: 200 } },
        endpoints: [
          { address: "10.0.4.1:7070", transport: mutual(`outbound_.7070_._.${ORDERS}`, "shop/sa/orders", ["h2"]) },
          { address: "10.0.4.2:7070" },
        ],
      },
    },
    {
      request: "POST http://orders.shop:7070/orders.v1.Orders/Get",
      headers: GRPC,
      expect: { cluster: cluster(ORDERS, 7070), timeoutMs: 0, retry: DEFAULT_RETRIES },
    },
    {
      request: "POST http://orders.shop:7070/other.v1.Other/Get",
      headers: { ...GRPC, "x-stage": "next" },
      expect: { cluster: cluster(ORDERS, 7070), timeoutMs: 0 },
    },
    {
      request: "POST http://orders.shop:7071/",
      headers: GRPC,
      expect: { cluster: cluster(ORDERS, 7070), settings: { http: { protocol: "http2" } } },
    },
    {
      request: "POST http://orders-headless.shop:7070/orders.v1.Orders/Get",
      headers: GRPC,
      expect: {
        listener: "10.0.4.1:7070",
        cluster: cluster(HEADLESS, 7070),
        settings: { type: "original_dst", http: { protocol: "http2" } },
        transport: mutual(`outbound_.7070_._.${HEADLESS}`, "shop/sa/orders", ["h2"]),
      },
    },
    {
      request: "POST http://orders-app.shop:7073/",
      headers: GRPC,
      expect: {
        cluster: cluster("orders-app.shop.svc.cluster.local", 7073),
        settings: { http: { protocol: "http2" } },
        endpoints: at("10.0.4.1:7070"),
      },
    },
    {
      request: "POST http://httpbin-grpc:9090/",
      headers: GRPC,
      expect: {
        cluster: cluster("httpbin-grpc.default.svc.cluster.local", 9090),
        settings: { http: { protocol: "http2" } },
        endpoints: at("10.0.0.11:9090"),
      },
    },
    {
      request: "http://httpbin-grpc:9091/",
      expect: { settings: { http: { protocol: "http2" } }, endpoints: at("10.0.0.11:9091") },
    },
  ],
};
