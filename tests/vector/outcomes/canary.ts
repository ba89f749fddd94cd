import type { OutcomeTable } from "./outcome_table.ts";
import { at, CART, cluster, DEFAULT_RETRIES, HTTPBIN, mutual, SLEEP } from "./parts.ts";

const V1 = cluster(HTTPBIN, 8000, "v1");
const V2 = cluster(HTTPBIN, 8000, "v2");
/** What `/` gets by default: nine of ten go to v1. */
const SPLIT = { route: "split", cluster: V1, headers: { "x-set": "one", "x-add": "two" } };

/** Routes of a canary: matches of every kind, rewrites, local answers, header changes, weights, delegation, CORS. */
export const CANARY: OutcomeTable = {
  recording: "canary/sleep",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://httpbin:8000/anything?a=1",
      expect: {
        listener: "10.96.0.2:8000",
        virtualHost: `${HTTPBIN}:8000`,
        ...SPLIT,
        authority: "httpbin:8000",
        path: "/anything?a=1",
        timeoutMs: 0,
        retry: DEFAULT_RETRIES,
        endpoints: [{
          address: "10.0.0.11:8080",
          locality: "west/west-1",
          priority: 0,
          weight: 1,
          transport: mutual(`outbound_.8000_.v1_.${HTTPBIN}`, "default/sa/httpbin"),
        }],
        responseHeaders: { "x-served-by": "mesh", "server-timing": undefined, "x-kept": "1" },
        settings: { loadBalancing: { policy: "least_request" } },
      },
    },
    { request: "http://httpbin:8000/", shares: { [V1]: 90, [V2]: 10 } },
    {
      request: "http://httpbin:8000/",
      headers: { "x-add": "zero", "x-drop": "me", "x-set": "other" },
      draw: 0.95,
      expect: {
        cluster: V2,
        headers: { "x-set": "one", "x-add": "zero,two", "x-drop": undefined, "x-variant": "canary" },
        endpoints: at("10.0.0.12:8080"),
        settings: { loadBalancing: { policy: "round_robin" } },
      },
    },
    {
      request: "http://httpbin.default.svc.cluster.local:8000/",
      headers: { "x-group": "beta" },
      expect: { route: "by-header-exact", cluster: V2, headers: { "x-set": undefined } },
    },
    { request: "http://httpbin:8000/", headers: { "x-group": "Beta" }, expect: SPLIT },
    {
      request: "http://httpbin.default:8000/",
      headers: { "user-agent": "Test Mobile/15E148 Safari" },
      expect: { route: "by-header-regex", cluster: V2 },
    },
    { request: "http://httpbin:8000/", headers: { "user-agent": "Mobile/x" }, expect: SPLIT },
    {
      request: "http://httpbin:8000/",
      headers: { "user-agent": "Mobile/1", "x-opt-out": "" },
      expect: SPLIT,
    },
    {
      request: "POST http://10.96.0.2:8000/api/orders",
      headers: { "x-tenant": "acme-1" },
      expect: { route: "by-header-prefix-and-method", cluster: V2, method: "POST" },
    },
    { request: "GET http://httpbin:8000/api/orders", headers: { "x-tenant": "acme-1" }, expect: SPLIT },
    { request: "POST http://httpbin:8000/API/orders", headers: { "x-tenant": "acme-1" }, expect: SPLIT },
    { request: "http://httpbin:8000/?canary=true", expect: { route: "by-query", cluster: V2 } },
    { request: "http://httpbin:8000/?x=1&build=123", expect: { route: "by-query", cluster: V2 } },
    { request: "http://httpbin:8000/?build=1234", expect: SPLIT },
    {
      request: "http://httpbin:8000/sTaTuS",
      expect: { route: "ignore-case", cluster: V1, headers: { "x-set": undefined } },
    },
    { request: "http://httpbin:8000/status/200", expect: SPLIT },
    {
      request: "http://httpbin:8000/items/42/detail?full=1",
      expect: {
        route: "regex-rewrite",
        cluster: V2,
        path: "/v2/items/42?full=1",
        headers: { "x-envoy-original-path": "/items/42/detail?full=1" },
      },
    },
    { request: "http://httpbin:8000/items/x/detail", expect: SPLIT },
    {
      request: "http://httpbin:8000/old/page?q=1",
      expect: { route: "prefix-rewrite", cluster: V1, path: "/new/page?q=1", authority: "httpbin.internal" },
    },
    { request: "http://httpbin:8000/old", expect: SPLIT },
    {
      request: "http://httpbin:8000/moved?keep=1",
      expect: {
        route: "moved",
        answer: { status: 308, headers: { location: `http://${HTTPBIN}/here?keep=1` }, body: "" },
      },
    },
    {
      request: "http://httpbin:8000/teapot",
      expect: {
        route: "fixed",
        answer: { status: 418, headers: { "x-kind": "teapot", "content-type": "text/plain" }, body: "short and stout" },
      },
    },
    {
      request: "http://httpbin:8000/only-sleep/x",
      expect: { route: "source-labels", cluster: V1, headers: { "x-set": undefined } },
    },
    // A host that has no port 80 is routed there all the same, to the cluster of that port, which is not there.
    {
      request: "http://sleep/",
      headers: { host: HTTPBIN },
      expect: { virtualHost: `${HTTPBIN}:80`, route: "split", answer: { status: 503 }, flags: "NC" },
    },
    { request: "http://sleep/", expect: { cluster: cluster(SLEEP, 80), route: "default" } },
    // The delegate's routes, under the root's match, with CORS.
    {
      request: "http://cart.shop/checkout/express/1",
      headers: { origin: "https://shop.example.test" },
      expect: {
        virtualHost: `${CART}:80`,
        cluster: cluster(CART, 80),
        responseHeaders: {
          "access-control-allow-origin": "https://shop.example.test",
          "access-control-allow-credentials": "true",
          "access-control-expose-headers": "x-trace",
        },
        endpoints: at("10.0.1.2:9080", "10.0.1.1:9080"),
      },
    },
    {
      request: "OPTIONS http://cart.shop/checkout/express",
      headers: { origin: "https://pr-7.example.test", "access-control-request-method": "POST" },
      expect: {
        answer: {
          status: 200,
          headers: {
            "access-control-allow-origin": "https://pr-7.example.test",
            "access-control-allow-methods": "GET,POST",
            "access-control-allow-headers": "x-shop",
            "access-control-max-age": "600",
          },
        },
      },
    },
    {
      request: "OPTIONS http://cart.shop/checkout/express",
      headers: { origin: "https://elsewhere.test", "access-control-request-method": "POST" },
      expect: { cluster: cluster(CART, 80), responseHeaders: { "access-control-allow-origin": undefined } },
    },
    // Not the delegate's: the root's second route, without CORS.
    {
      request: "http://cart.shop.svc:80/checkout",
      headers: { origin: "https://shop.example.test" },
      expect: { cluster: cluster(CART, 80), responseHeaders: { "access-control-allow-origin": undefined } },
    },
  ],
};

/** The same for a caller with other labels. */
export const CANARY_SERVER: OutcomeTable = {
  recording: "canary/httpbin",
  fake: { without: /$^/ },
  cases: [
    { request: "http://httpbin:8000/only-sleep/x", expect: SPLIT },
    {
      request: "http://httpbin:8000/",
      headers: { "x-group": "beta" },
      expect: { route: "by-header-exact", cluster: V2 },
    },
  ],
};
