import type { DifferentialCase, JsonObject } from "../case.ts";
import { header, to } from "../routes.ts";

const on = { upgrade_configs: [{ upgrade_type: "websocket" }] };
const off = { upgrade_configs: [{ upgrade_type: "websocket", enabled: false }] };
const refusedHandshake = [["connection", "upgrade"], ["upgrade", "websocket"]] as const;

/** A route to a WebSocket that may be opened. */
function opened(what: string, action: JsonObject, manager: JsonObject, more: JsonObject = {}): DifferentialCase {
  return {
    name: `upgrades: ${what}`,
    routes: [{ ...to("a", { prefix: "/" }, action), ...more }],
    manager,
    requests: [{ webSocket: "echo", script: ["delay:500 200"] }],
  };
}

/** WebSockets that open, and where they may not. */
export const UPGRADE_CASES: readonly DifferentialCase[] = [
  opened("allowed by the connection manager", {}, on),
  opened("allowed by the route", on, {}),
  opened("allowed by the route, not by the connection manager", on, off),
  opened("the request is rewritten", { prefix_rewrite: "/new/", host_rewrite_literal: "ws.example" }, on, {
    request_headers_to_add: [header("x-added", "%REQ(:path)%")],
  }),
  opened("limits of the wait are over with it", {
    timeout: "0.3s",
    retry_policy: { per_try_timeout: "0.2s", per_try_idle_timeout: "0.2s" },
  }, on),
  opened("under a retry policy", { retry_policy: { retry_on: "5xx", num_retries: 3 } }, on),
  {
    name: "upgrades: limits of the wait for the answer",
    routes: [
      to("mute", { prefix: "/route" }, { ...on, timeout: "0.2s" }),
      to("mute", { prefix: "/try" }, { ...on, timeout: "0s", retry_policy: { per_try_timeout: "0.2s" } }),
      to("mute", { prefix: "/silence" }, { ...on, timeout: "2s", retry_policy: { per_try_idle_timeout: "0.2s" } }),
      to("mute", { prefix: "/idle" }, { ...on, timeout: "2s", idle_timeout: "0.2s" }),
    ],
    requests: ["/route", "/try", "/silence", "/idle"].map((path) => ({ path, headers: refusedHandshake })),
  },
  {
    name: "upgrades: not allowed",
    routes: [to("a", { prefix: "/off" }, off), to("a")],
    requests: [{ path: "/off", headers: refusedHandshake }, { path: "/", headers: refusedHandshake }],
  },
  {
    name: "upgrades: answered with something else",
    routes: [to("a", { prefix: "/" }, on)],
    requests: [{ headers: refusedHandshake, script: ["200"] }, { headers: refusedHandshake, script: ["426"] }],
  },
  {
    name: "upgrades: by a route that does not forward",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    manager: on,
    requests: [{ headers: refusedHandshake }],
  },
  {
    name: "upgrades: CONNECT where no route takes it",
    routes: [to("a")],
    requests: [{ method: "CONNECT", path: "test.example:80", authority: "test.example:80" }],
  },
];
