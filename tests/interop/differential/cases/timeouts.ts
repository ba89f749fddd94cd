import type { DifferentialCase } from "../case.ts";
import { to } from "../routes.ts";

const GRPC = [["content-type", "application/grpc"]] as const;
const SLOW = ["delay:600 200"];
const FAST = { base_interval: "0.001s", max_interval: "0.002s" };

const ROUTE: readonly DifferentialCase[] = [
  {
    name: "timeouts: of the route",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{ script: SLOW }, {}, { method: "POST", headers: GRPC, script: SLOW }, { script: ["delay:20 200"] }],
  },
  {
    name: "timeouts: none, and Envoy's own",
    routes: [to("a", { prefix: "/none" }, { timeout: "0s" }), to("a")],
    requests: [{ path: "/none" }, {}],
  },
  {
    name: "timeouts: of an attempt, tried again",
    routes: [
      to("a", { prefix: "/" }, {
        timeout: "5s",
        retry_policy: { retry_on: "5xx", per_try_timeout: "0.2s", retry_back_off: FAST },
      }),
    ],
    requests: [{ script: [...SLOW, "200"] }, { script: SLOW }],
  },
  ...["reset", "gateway-error", "connect-failure", "retriable-status-codes"].map((retry_on): DifferentialCase => ({
    name: `timeouts: of an attempt under ${retry_on}`,
    routes: [
      to("a", { prefix: "/" }, {
        retry_policy: {
          retry_on,
          per_try_timeout: "0.2s",
          retriable_status_codes: [504],
          retry_back_off: FAST,
        },
      }),
    ],
    requests: [{ script: [...SLOW, "200"] }],
  })),
  {
    name: "timeouts: of an attempt that is not below the route's",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s", retry_policy: { retry_on: "5xx", per_try_timeout: "0.2s" } })],
    requests: [{ script: SLOW }],
  },
  {
    name: "timeouts: silence of an attempt",
    routes: [to("a", { prefix: "/" }, { retry_policy: { retry_on: "5xx", per_try_idle_timeout: "0.2s" } })],
    requests: [{ script: [...SLOW, "200"] }, { script: SLOW }],
  },
  {
    name: "timeouts: over all attempts",
    routes: [
      to("a", { prefix: "/" }, {
        timeout: "0.5s",
        retry_policy: { retry_on: "5xx", num_retries: 5, per_try_timeout: "0.2s", retry_back_off: FAST },
      }),
    ],
    requests: [{ script: SLOW }],
  },
];

const GRPC_TIMEOUTS: readonly DifferentialCase[] = [
  ["0s", "grpc-timeout only"],
  ["0.2s", "a cap"],
].map(([max_grpc_timeout, what]) => ({
  name: `timeouts: gRPC, max_grpc_timeout ${what}`,
  routes: [to("a", { prefix: "/" }, { timeout: "0s", max_grpc_timeout: max_grpc_timeout! })],
  requests: [
    { method: "POST", headers: [...GRPC, ["grpc-timeout", "100m"]], script: SLOW },
    { method: "POST", headers: [...GRPC, ["grpc-timeout", "30S"]] },
    { method: "POST", headers: GRPC },
    { method: "POST", headers: [...GRPC, ["grpc-timeout", "soon"]] },
    { headers: [["grpc-timeout", "1m"]] },
  ],
}));

const STREAMS: readonly DifferentialCase[] = [
  {
    name: "timeouts: gRPC, an offset",
    routes: [
      to("a", { prefix: "/" }, { timeout: "0s", max_grpc_timeout: "0s", grpc_timeout_offset: "0.050s" }),
    ],
    requests: [
      { method: "POST", headers: [...GRPC, ["grpc-timeout", "3S"]] },
      { method: "POST", headers: [...GRPC, ["grpc-timeout", "40m"]] },
    ],
  },
  {
    name: "timeouts: the life of a stream",
    routes: [to("a", { prefix: "/" }, { max_stream_duration: { max_stream_duration: "0.2s" } })],
    requests: [{ script: SLOW }, {}, { method: "POST", headers: GRPC, script: SLOW }],
  },
  {
    name: "timeouts: the life of a stream, which is the caller's",
    routes: [
      to("a", { prefix: "/cap" }, { max_stream_duration: { grpc_timeout_header_max: "0.2s" } }),
      to("a", { prefix: "/offset" }, {
        max_stream_duration: { grpc_timeout_header_max: "0s", grpc_timeout_header_offset: "0.1s" },
      }),
      // As inbound routes of Istio have it.
      to("a", { prefix: "/" }, {
        timeout: "0s",
        max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
      }),
    ],
    requests: ["/cap", "/offset", "/"].flatMap((path) => [
      { path, method: "POST", headers: [...GRPC, ["grpc-timeout", "250m"]] as const, script: SLOW },
      { path, method: "POST", headers: [...GRPC, ["grpc-timeout", "9S"]] as const },
      { path, method: "POST", headers: GRPC },
      { path, headers: [["grpc-timeout", "5S"]] as const },
    ]),
  },
  {
    name: "timeouts: the life of a stream, by the connection manager",
    manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
    routes: [
      to("a", { prefix: "/own" }, { max_stream_duration: { max_stream_duration: "3s" } }),
      to("a", { prefix: "/none" }, { max_stream_duration: { max_stream_duration: "0s" } }),
      to("a"),
    ],
    requests: ["/own", "/none", "/"].map((path) => ({ path, script: ["delay:500 200"] })),
  },
  {
    name: "timeouts: silence",
    routes: [to("a", { prefix: "/" }, { idle_timeout: "0.2s", timeout: "0s" })],
    requests: [{ script: SLOW }, {}],
  },
  {
    name: "timeouts: silence, by the connection manager",
    manager: { stream_idle_timeout: "0.2s" },
    routes: [
      to("a", { prefix: "/own" }, { idle_timeout: "3s" }),
      to("a", { prefix: "/none" }, { idle_timeout: "0s" }),
      to("a"),
    ],
    requests: ["/own", "/none", "/"].map((path) => ({ path, script: ["delay:500 200"] })),
  },
];

/** Limits of time. */
export const TIMEOUT_CASES: readonly DifferentialCase[] = [...ROUTE, ...GRPC_TIMEOUTS, ...STREAMS];
