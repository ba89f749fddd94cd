import type { DifferentialCase } from "../case.ts";
import { to } from "../routes.ts";

/** How long a request may take. */
export const LIMIT_CASES: readonly DifferentialCase[] = [
  {
    name: "actions: timeout",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{ script: ["delay:2000 200"] }, {}, { script: ["cut"] }],
  },
  {
    name: "actions: no timeout",
    routes: [to("a", { prefix: "/" }, { timeout: "0s" })],
    requests: [{ script: ["delay:50 200"] }],
  },
  {
    name: "actions: timeout of gRPC",
    routes: [to("a", { prefix: "/" }, { timeout: "0.2s" })],
    requests: [{
      method: "POST",
      body: "x",
      headers: [["content-type", "application/grpc"]],
      script: ["delay:2000 200"],
    }],
  },
  {
    name: "actions: grpc-timeout of the caller",
    routes: [to("a", { prefix: "/" }, { max_stream_duration: { grpc_timeout_header_max: "0s" } })],
    requests: [
      {
        method: "POST",
        body: "x",
        headers: [["content-type", "application/grpc"], ["grpc-timeout", "200m"]],
        script: ["delay:2000 200"],
      },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]] },
    ],
  },
  {
    name: "actions: grpc-timeout of the caller, capped",
    routes: [to("a", { prefix: "/" }, { timeout: "3s", max_stream_duration: { grpc_timeout_header_max: "2s" } })],
    requests: [
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]] },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] },
      { method: "POST", body: "x", headers: [["grpc-timeout", "5S"]] },
    ],
  },
  {
    name: "actions: max_grpc_timeout",
    routes: [to("a", { prefix: "/" }, { max_grpc_timeout: "0.3s" })],
    requests: [
      {
        method: "POST",
        body: "x",
        headers: [["content-type", "application/grpc"], ["grpc-timeout", "5S"]],
        script: ["delay:2000 200"],
      },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]], script: ["delay:2000 200"] },
      { method: "POST", body: "x", script: ["200"] },
    ],
  },
  {
    name: "actions: max_stream_duration of the route",
    routes: [to("a", { prefix: "/" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0.2s" } })],
    requests: [{ script: ["delay:2000 200"] }, {}],
  },
  {
    name: "actions: max_stream_duration of the connection manager",
    routes: [
      to("a", { prefix: "/own" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0.5s" } }),
      to("a", { prefix: "/none" }, { timeout: "0s", max_stream_duration: { max_stream_duration: "0s" } }),
      to("a", { prefix: "/" }, { timeout: "0s" }),
    ],
    manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
    requests: [
      { script: ["delay:2000 200"] },
      { path: "/own", script: ["delay:2000 200"] },
      { path: "/own", script: ["delay:300 200"] },
      { path: "/none", script: ["delay:300 200"] },
    ],
  },
  {
    name: "actions: idle timeout of the route",
    routes: [to("a", { prefix: "/" }, { timeout: "0s", idle_timeout: "0.2s" })],
    requests: [{ script: ["delay:2000 200"] }, {}],
  },
  {
    name: "actions: idle timeout of the connection manager",
    routes: [
      to("a", { prefix: "/off" }, { timeout: "0s", idle_timeout: "0s" }),
      to("a", { prefix: "/" }, { timeout: "0s" }),
    ],
    manager: { stream_idle_timeout: "0.2s" },
    requests: [{ script: ["delay:2000 200"] }, { path: "/off", script: ["delay:400 200"] }],
  },
  {
    name: "actions: request timeout of the connection manager",
    routes: [to("a", { prefix: "/" }, { timeout: "0s" })],
    manager: { request_timeout: "0.2s" },
    requests: [{ script: ["delay:400 200"] }, { method: "POST", body: "x", script: ["delay:400 200"] }],
  },
];
