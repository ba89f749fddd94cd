import type { OutcomeCase, OutcomeSequence } from "./outcome_table.ts";
import { at, cluster, HTTPBIN } from "./parts.ts";

const WHOLE = cluster(HTTPBIN, 8000);
const V1 = cluster(HTTPBIN, 8000, "v1");
const V2 = cluster(HTTPBIN, 8000, "v2");
const EXT = "http://ext.example.test:8088/";
const split = (shares: Record<string, number>): OutcomeCase => ({ request: "http://httpbin:8000/", shares });
const whole = (expect: Record<string, unknown>): OutcomeCase => ({
  request: "http://httpbin:8000/",
  expect: { cluster: WHOLE, ...expect },
});

/** A route comes, is split, loses a subset and goes; an outside host comes and goes. */
export const SEQ_ROUTING: OutcomeSequence = {
  recording: "seq-routing/sleep",
  // The fake knows no hosts outside the mesh.
  fake: { without: /^kind: ServiceEntry/m, skip: /ext\.example/ },
  steps: {
    initial: [
      whole({ route: "default", timeoutMs: 0 }),
      { request: EXT, expect: { clusters: [{ name: "PassthroughCluster" }] } },
    ],
    "01-apply-virtualservice": [whole({ timeoutMs: 1000, headers: { "x-envoy-expected-rq-timeout-ms": "1000" } })],
    "02-apply-destinationrule-subsets": [whole({
      timeoutMs: 1000,
      settings: { metadata: { istio: { config: { includes: "destination-rule/httpbin" } } } },
      endpoints: at("10.0.0.11:8080", "10.0.0.12:8080"),
    })],
    "03-apply-virtualservice-weights-10": [
      split({ [V1]: 90, [V2]: 10 }),
      { request: "http://httpbin:8000/", draw: 0.1, expect: { timeoutMs: 0, endpoints: at("10.0.0.11:8080") } },
    ],
    "04-apply-virtualservice-weights-50": [
      split({ [V1]: 50, [V2]: 50 }),
      { request: "http://httpbin:8000/", draw: 0.9, expect: { cluster: V2, endpoints: at("10.0.0.12:8080") } },
    ],
    // The subset is gone, its half of the requests is not: no cluster, no answer.
    "05-apply-destinationrule-one-subset": [
      {
        request: "http://httpbin:8000/",
        draw: 0.1,
        expect: { cluster: V1, settings: { outlierDetection: { consecutive5xx: 2 } } },
      },
      { request: "http://httpbin:8000/", draw: 0.9, expect: { answer: { status: 503 }, flags: "NC" } },
    ],
    "06-delete-virtualservice": [whole({
      route: "default",
      // Outlier detection makes distance count.
      endpoints: [{ address: "10.0.0.11:8080", priority: 0 }, { address: "10.0.0.12:8080", priority: 1 }],
    })],
    "07-delete-destinationrule": [whole({
      settings: { outlierDetection: null, metadata: { istio: { config: undefined } } },
      endpoints: [{ address: "10.0.0.11:8080", priority: 0 }, { address: "10.0.0.12:8080", priority: 0 }],
    })],
    "08-apply-serviceentry": [
      { request: EXT, expect: { cluster: cluster("ext.example.test", 8088), endpoints: at("198.51.100.3:8088") } },
    ],
    "09-delete-serviceentry": [
      { request: EXT, expect: { clusters: [{ name: "PassthroughCluster" }] } },
      whole({ route: "default" }),
    ],
  },
};
