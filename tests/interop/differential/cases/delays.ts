import { cluster, type DifferentialCase, type JsonObject } from "../case.ts";
import { to, typed } from "../routes.ts";

const FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault";
const FAST = { base_interval: "0.001s", max_interval: "0.002s" };
const ALL = { numerator: 100 };
const GRPC = [["content-type", "application/grpc"], ["te", "trailers"]] as const;

/** TLS towards somebody who never says a word: the connection is never made. */
function unconnected(name: string, connect_timeout: string): JsonObject {
  return cluster(name, ["mute"], {
    connect_timeout,
    transport_socket: typed(
      "envoy.transport_sockets.tls",
      "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      { common_tls_context: {} },
    ),
  });
}

function fault(config: JsonObject): readonly JsonObject[] {
  return [typed("envoy.filters.http.fault", FAULT, config)];
}

/** What may wait, what must, and for how long. */
export const DELAY_CASES: readonly DifferentialCase[] = [
  {
    name: "delays: a mirror delays nobody",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster: "b" }, { cluster: "mute" }] })],
    requests: [
      { mirrorScript: "delay:2000 200", within: [0, 1500] },
      { method: "POST", body: "content", mirrorScript: "delay:2000 200", within: [0, 1500] },
      { mirrorScript: "reset", within: [0, 1500] },
    ],
  },
  {
    name: "delays: connect timeout",
    clusters: [unconnected("unconnected", "0.2s")],
    routes: [to("unconnected", { prefix: "/" }, { timeout: "0s" })],
    requests: [{ within: [200, 1500] }, { method: "POST", headers: GRPC, within: [200, 1500] }],
  },
  {
    name: "delays: connect timeout, tried again",
    clusters: [unconnected("unconnected-again", "0.2s")],
    routes: [
      to("unconnected-again", { prefix: "/" }, {
        timeout: "0s",
        retry_policy: { retry_on: "connect-failure", num_retries: 2, retry_back_off: FAST },
      }),
    ],
    requests: [{ within: [600, 2500] }],
  },
  {
    name: "delays: the timeout of the route comes before the one of the connection",
    clusters: [unconnected("unconnected-slow", "4s")],
    routes: [to("unconnected-slow", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{ within: [200, 1500] }],
  },
  {
    name: "delays: timeouts take the time they say",
    routes: [
      to("a", { prefix: "/route" }, { timeout: "0.3s" }),
      to("a", { prefix: "/idle" }, { timeout: "0s", idle_timeout: "0.3s" }),
      to("a", { prefix: "/stream" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0.3s" } }),
      to("a", { prefix: "/try" }, { timeout: "0s", retry_policy: { per_try_timeout: "0.3s" } }),
      to("a", { prefix: "/silence" }, { timeout: "0s", retry_policy: { per_try_idle_timeout: "0.3s" } }),
    ],
    requests: ["/route", "/idle", "/stream", "/try", "/silence"].flatMap((path) => [
      { path, script: ["delay:2000 200"], within: [300, 1800] as const },
      { path, script: ["delay:2000 200"], within: [300, 1800] as const, method: "POST", headers: GRPC, body: "x" },
      { path, script: ["delay:2000 200"], within: [300, 1800] as const, http2: true },
    ]),
  },
  {
    name: "delays: fault",
    httpFilters: fault({ delay: { fixed_delay: "0.3s", percentage: ALL } }),
    routes: [to("a")],
    requests: [{ within: [300, 1800] }],
  },
  {
    name: "delays: fault by a header",
    httpFilters: fault({ delay: { header_delay: {}, percentage: ALL } }),
    routes: [to("a")],
    requests: [
      { headers: [["x-envoy-fault-delay-request", "300"]], within: [300, 1800] },
      {
        headers: [["x-envoy-fault-delay-request", "2500"], ["x-envoy-fault-delay-request-percentage", "0"]],
        within: [0, 1800],
      },
      { headers: [["x-envoy-fault-delay-request", "soon"]], within: [0, 1800] },
    ],
  },
  ...[1, 2].map((max_active_faults): DifferentialCase => ({
    name: `delays: no more than ${max_active_faults} faults at a time`,
    httpFilters: fault({
      delay: { fixed_delay: "0.5s", percentage: ALL },
      abort: { http_status: 418, percentage: ALL },
      max_active_faults,
    }),
    // Faults under way are counted by the prefix of statistics.
    manager: { stat_prefix: `faults-${max_active_faults}` },
    routes: [to("a")],
    requests: [{ times: 4, together: true }],
  })),
];
