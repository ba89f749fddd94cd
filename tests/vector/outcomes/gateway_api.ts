import type { OutcomeTable } from "./outcome_table.ts";
import { at, CART, cluster, NO_ROUTE } from "./parts.ts";

const CART_V1 = cluster("cart-v1.shop.svc.cluster.local", 80);
const CART_V2 = cluster("cart-v2.shop.svc.cluster.local", 80);
const ORDERS = cluster("orders.shop.svc.cluster.local", 7070);
const REST = { cluster: CART_V1, mirrors: [{ cluster: CART_V2 }] };

/** HTTPRoute and GRPCRoute of services: Gateway API inside the mesh. */
export const GATEWAY_API: OutcomeTable = {
  recording: "gateway-api/sleep",
  fake: null,
  cases: [
    {
      request: "http://cart.shop/beta/list?q=2",
      headers: { "x-user": "dora", "x-old": "1", "x-beta": "0" },
      expect: {
        virtualHost: `${CART}:80`,
        route: "beta",
        cluster: CART_V2,
        // The prefix is taken away.
        path: "/list?q=2",
        headers: { "x-beta": "1", "x-old": undefined },
        timeoutMs: 1000,
        clusterNotFoundStatus: 500,
        mirrors: [],
        endpoints: at("10.0.1.2:9080"),
      },
    },
    { request: "http://cart.shop/beta", headers: { "x-user": "dora" }, expect: { route: "beta", path: "/" } },
    // Prefixes of Gateway API end at a segment.
    { request: "http://cart.shop/betamax", headers: { "x-user": "dora" }, expect: { ...REST, path: "/betamax" } },
    { request: "http://cart.shop/beta", headers: { "x-user": "other" }, expect: REST },
    { request: "http://cart.shop/exact?q=1", expect: { route: "beta", cluster: CART_V2 } },
    { request: "http://cart.shop/exact?q=2", expect: REST },
    { request: "POST http://cart.shop/exact?q=1", expect: REST },
    {
      request: "http://cart.shop/go/there",
      expect: { answer: { status: 302, headers: { location: "http://shop.example.test/go/there" } } },
    },
    { request: "http://cart.shop/", shares: { [CART_V1]: 75, [CART_V2]: 25 } },
    {
      request: "http://cart.shop/",
      draw: 0.8,
      expect: { cluster: CART_V2, mirrors: [{ cluster: CART_V2, path: "/" }] },
    },
    // The backends are services of their own.
    {
      request: "http://cart-v1.shop/beta",
      headers: { "x-user": "dora" },
      expect: { route: "default", cluster: CART_V1 },
    },
    {
      request: "POST http://orders.shop:7070/orders.v1.Orders/Get",
      expect: { cluster: ORDERS, settings: { http: { protocol: "http2" } } },
    },
    { request: "POST http://orders.shop:7070/orders.v1.Orders/List", expect: NO_ROUTE },
  ],
};
