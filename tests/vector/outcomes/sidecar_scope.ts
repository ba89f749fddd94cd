import type { OutcomeTable } from "./outcome_table.ts";
import { CART, cluster, HTTPBIN, SLEEP } from "./parts.ts";

/** A Sidecar of the namespace: its own services and one of another namespace. */
export const SIDECAR_SCOPE: OutcomeTable = {
  recording: "sidecar-scope/sleep",
  fake: null,
  cases: [
    { request: "http://httpbin:8000/", expect: { cluster: cluster(HTTPBIN, 8000) } },
    { request: "http://sleep/", expect: { cluster: cluster(SLEEP, 80) } },
    { request: "http://cart.shop/", expect: { cluster: cluster(CART, 80) } },
    // Out of scope: nobody listens on its port, and it has no name here.
    {
      request: "http://billing.legacy:8080/",
      expect: { tcp: "billing.legacy:8080", clusters: [{ name: "PassthroughCluster" }] },
    },
    { request: "http://sleep/", headers: { host: "billing.legacy" }, expect: { virtualHost: "allow_any" } },
  ],
};

/** A Sidecar of one workload: one port to one namespace, and only what is known. */
export const SIDECAR_SCOPE_SERVER: OutcomeTable = {
  recording: "sidecar-scope/httpbin",
  fake: null,
  cases: [
    { request: "http://cart.shop/", expect: { cluster: cluster(CART, 80) } },
    {
      request: "http://cart.shop/",
      headers: { host: "sleep" },
      expect: { virtualHost: "block_all", answer: { status: 502 } },
    },
    { request: "http://httpbin:8000/", expect: { tcp: "httpbin:8000", clusters: [{ name: "BlackHoleCluster" }] } },
    { request: "http://billing.legacy:8080/", expect: { clusters: [{ name: "BlackHoleCluster" }] } },
    // The listener of captureMode NONE has no host to route to, and istiod sends none.
    { request: "http://127.0.0.1:15099/", expect: { clusters: [{ name: "BlackHoleCluster" }] } },
  ],
};
