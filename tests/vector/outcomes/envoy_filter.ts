import type { OutcomeTable } from "./outcome_table.ts";
import { CART, cluster, HTTPBIN } from "./parts.ts";

const REFUSED = {
  answer: { status: 500, body: { includes: "filter 'lab.unknown' (lab.unknown.Filter)" } },
  flags: "NFCF",
};

/** Patches of a client: a filter that nobody knows refuses on every listener, and names itself. */
export const ENVOY_FILTER: OutcomeTable = {
  recording: "envoyfilter/sleep",
  reports: ["'lab.unknown.Filter' is not supported"],
  fake: null,
  cases: [
    { request: "http://httpbin:8000/", expect: { virtualHost: `${HTTPBIN}:8000`, ...REFUSED } },
    { request: "http://cart.shop/", expect: { virtualHost: `${CART}:80`, ...REFUSED } },
    // Bytes pass by no HTTP filter.
    { request: "https://nobody.example.test/", expect: { clusters: [{ name: "PassthroughCluster" }] } },
  ],
};

/** The same with the filter skipped, as the user may ask for: the other patches show. */
export const ENVOY_FILTER_SKIPPED: OutcomeTable = {
  recording: "envoyfilter/sleep",
  skipFilters: ["lab.unknown"],
  fake: null,
  cases: [
    { request: "http://httpbin:8000/", expect: { cluster: cluster(HTTPBIN, 8000), headers: { "x-patched": "yes" } } },
    {
      request: "http://cart.shop/",
      expect: {
        cluster: cluster(CART, 80),
        headers: { "x-patched": undefined },
        settings: { connectTimeoutMs: 3000, tcpKeepalive: { timeSeconds: 30 } },
      },
    },
  ],
};

/** Patches of a server touch nothing that it calls. */
export const ENVOY_FILTER_SERVER: OutcomeTable = {
  recording: "envoyfilter/httpbin",
  reports: ["'envoy.extensions.filters.http.lua.v3.Lua' is not supported", "LocalRateLimit' is not supported"],
  fake: null,
  cases: [
    {
      request: "http://httpbin:8000/",
      expect: { cluster: cluster(HTTPBIN, 8000), headers: { "x-patched": undefined } },
    },
    { request: "http://cart.shop/", expect: { cluster: cluster(CART, 80), settings: { connectTimeoutMs: 10_000 } } },
    // What is patched in stands where it was put: first of all, and last on one port.
    {
      request: "inbound 8080 tls istio-h2",
      expect: { filters: { includes: "istio.stats !lab.lua" }, targets: [{ name: "inbound|8080||" }] },
    },
    {
      request: "inbound 8080 plaintext",
      expect: { filters: { includes: "lab.local_ratelimit istio.metadata_exchange" } },
    },
    {
      request: "inbound 7 plaintext http/1.1",
      expect: { chain: "virtualInbound-catchall-http", filters: { includes: "lab.local_ratelimit" } },
    },
    {
      request: "inbound 7 plaintext",
      expect: { chain: "virtualInbound", filters: "istio.metadata_exchange istio.stats tcp_proxy" },
    },
  ],
};
