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
    // Its ingress: ports with a place of their own behind them, TLS of the mesh or none.
    {
      request: "inbound 8080 tls istio-h2",
      expect: {
        terminatesTls: true,
        http: true,
        targets: [{ name: "inbound|8080||", type: "static", endpoints: ["127.0.0.1:18080"] }],
      },
    },
    {
      request: "inbound 8080 plaintext http/1.1",
      expect: { terminatesTls: false, http: true, targets: [{ endpoints: ["127.0.0.1:18080"] }] },
    },
    {
      request: "inbound 9999 tls istio",
      // `0.0.0.0` stands for the workload's own address.
      expect: {
        terminatesTls: true,
        http: false,
        targets: [{ name: "inbound|9999||", endpoints: ["10.0.0.11:9998"] }],
      },
    },
    // The application's own TLS passes through.
    { request: "inbound 9999 tls h2", expect: { terminatesTls: false, http: false } },
    { request: "inbound 7000 plaintext", expect: { targets: [{ name: "InboundPassthroughCluster" }] } },
    // The listener of captureMode NONE has no host to route to, and istiod sends none.
    { request: "http://127.0.0.1:15099/", expect: { clusters: [{ name: "BlackHoleCluster" }] } },
  ],
};
