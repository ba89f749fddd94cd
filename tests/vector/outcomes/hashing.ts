import type { OutcomeTable } from "./outcome_table.ts";
import { at, BILLING, CART, cluster, HTTPBIN } from "./parts.ts";

/** Consistent hashing by header, query parameter, cookie and address, on rings and by Maglev. */
export const HASHING: OutcomeTable = {
  recording: "hashing/sleep",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://httpbin:8000/",
      headers: { "x-user": "dora" },
      expect: {
        cluster: cluster(HTTPBIN, 8000),
        hash: [{ kind: "header", name: "x-user", terminal: false }],
        settings: { loadBalancing: { policy: "ring_hash", ringMinimumSize: 2048 } },
        // A retry may go to the host that failed: it is where the key belongs.
        retry: { numRetries: 2, previousHosts: false },
        endpoints: at("10.0.0.11:8080", "10.0.0.12:8080"),
      },
    },
    {
      request: "http://httpbin:8000/shard/1?shard=7",
      expect: {
        cluster: cluster(HTTPBIN, 8000, "v1"),
        hash: [{ kind: "query_parameter", name: "shard", terminal: false }],
        settings: { loadBalancing: { policy: "maglev", maglevTableSize: 251 } },
        retry: { previousHosts: false },
        endpoints: at("10.0.0.11:8080"),
      },
    },
    {
      request: "http://cart.shop/",
      expect: {
        cluster: cluster(CART, 80),
        hash: [{ kind: "cookie", name: "sid", ttlMs: 3_600_000, path: "/", terminal: false }],
        settings: { loadBalancing: { policy: "maglev", maglevTableSize: 1021 } },
        // A request without the cookie gets one, for the next to come back to the same endpoint.
        responseHeaders: { "set-cookie": "sid=made; Max-Age=3600; Path=/; HttpOnly" },
        retry: { previousHosts: true },
      },
    },
    {
      request: "http://billing.legacy:8080/",
      expect: {
        cluster: cluster(BILLING, 8080),
        hash: [{ kind: "source_ip", terminal: false }],
        settings: { loadBalancing: { policy: "ring_hash", ringMinimumSize: 1024 } },
      },
    },
    { request: "http://sleep/", expect: { hash: [], settings: { loadBalancing: { policy: "least_request" } } } },
  ],
};

/** The server's view of the same rules. */
export const HASHING_SERVER: OutcomeTable = {
  recording: "hashing/httpbin",
  fake: { without: /$^/ },
  cases: [
    { request: "http://cart.shop/", expect: { hash: [{ kind: "cookie", name: "sid" }] } },
    { request: "http://httpbin:8000/shard", expect: { cluster: cluster(HTTPBIN, 8000, "v1") } },
  ],
};
