import type { OutcomeSequence } from "./outcome_table.ts";
import { CART, cluster, HTTPBIN } from "./parts.ts";

const CART_REACHED = { request: "http://cart.shop/", expect: { cluster: cluster(CART, 80) } };
const HTTPBIN_REACHED = { request: "http://httpbin:8000/", expect: { cluster: cluster(HTTPBIN, 8000) } };

/** The fake knows no Telemetry and no Sidecar. */
const FAKE = { without: /^kind: (Telemetry|Sidecar)/m };

/** Extensions of a server change nothing for its callers; a Sidecar takes a namespace out of sight and gives it back. */
export const SEQ_EXTENSIONS: OutcomeSequence = {
  recording: "seq-extensions/sleep",
  fake: FAKE,
  steps: {
    initial: [CART_REACHED, HTTPBIN_REACHED],
    "01-apply-wasm": [CART_REACHED, HTTPBIN_REACHED],
    "02-apply-wasm-changed": [CART_REACHED, HTTPBIN_REACHED],
    "03-delete-wasm": [CART_REACHED, HTTPBIN_REACHED],
    "04-apply-telemetry": [CART_REACHED, HTTPBIN_REACHED],
    "05-apply-sidecar": [HTTPBIN_REACHED],
    "06-delete-sidecar": [CART_REACHED, HTTPBIN_REACHED],
  },
  recordedOnly: {
    "05-apply-sidecar": [
      { request: "http://cart.shop/", expect: { virtualHost: "allow_any", cluster: "PassthroughCluster" } },
    ],
  },
};

const WASM = "extensions.istio.io/trafficextension/default.stamp~istio-translated-wasmplugin";
const PLAIN = {
  request: "inbound 8080 tls istio-h2",
  expect: { filters: { includes: "istio.metadata_exchange envoy.filters.http.grpc_stats" } },
};
const STAMPED = {
  request: "inbound 8080 tls istio-h2",
  expect: { filters: { includes: `${WASM} envoy.filters.http.grpc_stats` }, targets: [{ name: "inbound|8080||" }] },
};

/** The server whose extension comes, changes and goes. */
export const SEQ_EXTENSIONS_SERVER: OutcomeSequence = {
  recording: "seq-extensions/httpbin",
  reports: ["'envoy.extensions.filters.http.wasm.v3.Wasm"],
  fake: FAKE,
  steps: {
    initial: [PLAIN],
    "01-apply-wasm": [STAMPED],
    "02-apply-wasm-changed": [STAMPED],
    "03-delete-wasm": [PLAIN],
    "04-apply-telemetry": [PLAIN],
    "05-apply-sidecar": [PLAIN],
    "06-delete-sidecar": [PLAIN, CART_REACHED],
  },
  recordedOnly: {
    "05-apply-sidecar": [{ request: "http://cart.shop/", expect: { cluster: "PassthroughCluster" } }],
  },
};
