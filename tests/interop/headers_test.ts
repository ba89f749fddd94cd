/**
 * What becomes of headers that belong to proxies, by the table of `lib/router/proxy_headers.ts`: at a real Envoy with the
 * connection managers that istiod sends a sidecar (recorded), and at enmesh with the same ones.
 */
import assert from "node:assert/strict";
import { connect, createServer, type Server } from "node:net";
import { connectionManagerLayer } from "../../lib/filter/connection_manager_layer.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpConnectionManager } from "../../lib/resource/http_connection_manager.ts";
import { NO_FILTER_PARSERS } from "../../lib/resource/filter_parsers.ts";
import { parseHttpConnectionManager } from "../../lib/resource/parse_http_connection_manager.ts";
import { type HeaderTreatment, PROXY_HEADERS, type ProxyHeader } from "../../lib/router/proxy_headers.ts";
import { callOf, request } from "../support/calls.ts";
import type { JsonObject } from "./differential/case.ts";
import { encodeJson } from "./differential/encode_json.ts";
import { wireHead, WireReader } from "./differential/http1.ts";
import { freePort, startEnvoy } from "./envoy.ts";
import { ADMIN, httpListener, ROUTER } from "./http_listener.ts";

type Direction = "outbound" | "inbound";

const LISTENERS = new URL("../../../shared/xds/resilience/httpbin/003-LDS.json", import.meta.url);
const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const FORGED = "00000000-0000-4000-8000-forged000000";

/** The connection managers that istiod sent, without what only Istio's Envoy knows, and with a route of their own. */
async function recordedManagers(): Promise<Record<Direction, JsonObject>> {
  const found: JsonObject[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    if ("@type" in value && String(value["@type"]).endsWith(MANAGER)) found.push(value as JsonObject);
    for (const item of Object.values(value)) walk(item);
  };
  walk(JSON.parse(await Deno.readTextFile(LISTENERS)));
  const pick = (prefix: string) => {
    const manager = found.find(({ stat_prefix }) => String(stat_prefix).startsWith(prefix));
    if (manager === undefined) throw new Error(`No connection manager '${prefix}' in the recording`);
    return manager;
  };
  return { outbound: local(pick("outbound_"), true), inbound: local(pick("inbound_"), false) };
}

function local(manager: JsonObject, countsAttempts: boolean): JsonObject {
  const { rds: _rds, access_log: _log, ...rest } = manager as Record<string, never>;
  return {
    ...rest as JsonObject,
    http_filters: [ROUTER],
    route_config: {
      name: "local",
      virtual_hosts: [{
        name: "local",
        domains: ["*"],
        include_request_attempt_count: countsAttempts,
        routes: [{
          match: { prefix: "/" },
          route: { cluster: "backend", timeout: "0s" },
          decorator: { operation: "backend:80/*" },
        }],
      }],
    },
  };
}

function withoutType({ "@type": _type, ...rest }: JsonObject): JsonObject {
  return rest;
}

function clusterOf(port: number): JsonObject {
  return {
    name: "backend",
    type: "STATIC",
    load_assignment: {
      cluster_name: "backend",
      endpoints: [{
        lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }],
      }],
    },
  };
}

/** A server that answers with the headers it got, as JSON. */
async function echo(): Promise<{ server: Server; port: number }> {
  const server = createServer(async (socket) => {
    const reader = new WireReader(socket);
    for (let message = await reader.next(); message !== null; message = await reader.next()) {
      const body = JSON.stringify(message.headers);
      socket.write(wireHead("HTTP/1.1 200 OK", [["content-length", String(body.length)]]) + body);
    }
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

/** A value that has the form the header has, so that nobody refuses it for that. */
function forgedValue({ name }: ProxyHeader): string {
  if (name === "x-request-id") return FORGED;
  if (name === "x-forwarded-proto") return "https";
  if (name === "x-forwarded-for") return "10.1.2.3";
  if (name.endsWith("-ms") || name.includes("-request")) return "60000";
  return "7";
}

async function throughEnvoy(port: number, header: ProxyHeader): Promise<string | null> {
  const socket = connect(port, "127.0.0.1");
  const reader = new WireReader(socket);
  socket.write(wireHead("GET / HTTP/1.1", [["host", "test"], [header.name, forgedValue(header)]]));
  const message = await reader.next();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  const headers = JSON.parse(message!.body) as [string, string][];
  return headers.find(([name]) => name === header.name)?.[1] ?? null;
}

function treatment(sent: string, arrived: string | null): HeaderTreatment {
  if (arrived === null) return "removed";
  if (arrived === sent) return "kept";
  return arrived.startsWith(`${sent},`) ? "appended" : "replaced";
}

/** What filters of Istio do, which a plain Envoy does not have. */
const BY_ISTIO = (name: string) => name.startsWith("x-envoy-peer-metadata");
/** With `tracing` in the connection manager Envoy writes into the id whether the trace is sampled. */
const MARKED = (name: string) => name === "x-request-id";

Deno.test("Envoy, as istiod configures a sidecar's, treats every header as the table says", async () => {
  const managers = await recordedManagers();
  const { server, port } = await echo();
  const ports: Record<Direction, number> = { outbound: freePort(), inbound: freePort() };
  const envoy = await startEnvoy({
    node: { id: "headers", cluster: "headers" },
    admin: ADMIN,
    static_resources: {
      clusters: [clusterOf(port)],
      listeners: (["outbound", "inbound"] as const).map((name) =>
        httpListener(name, { port: ports[name], manager: managers[name], traffic_direction: name.toUpperCase() })
      ),
    },
  });
  try {
    const differences: string[] = [];
    for (const header of PROXY_HEADERS) {
      if (BY_ISTIO(header.name)) continue;
      for (const direction of ["outbound", "inbound"] as const) {
        const sent = forgedValue(header);
        const arrived = await throughEnvoy(ports[direction], header);
        const found = treatment(sent, arrived);
        if (found === header[direction] || (MARKED(header.name) && arrived?.length === sent.length)) continue;
        differences.push(`${direction} ${header.name}: ${found} ('${arrived}'), the table says ${header[direction]}`);
      }
    }
    assert.deepEqual(differences, []);
  } finally {
    await envoy[Symbol.asyncDispose]();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("The connection manager of enmesh treats every header as the table says", async () => {
  const managers = await recordedManagers();
  const differences: string[] = [];
  for (const direction of ["outbound", "inbound"] as const) {
    const parsed = parseHttpConnectionManager(encodeJson(MANAGER, withoutType(managers[direction])), NO_FILTER_PARSERS);
    assert.ok(parsed.ok);
    const manager = parsed.value as HttpConnectionManager;
    for (const header of PROXY_HEADERS) {
      // Treated behind it: by Istio's filters, the choice of the route, the router, the codec.
      if (BY_ISTIO(header.name) || header[direction] === "replaced") continue;
      if (direction === "outbound" && header.name === "x-envoy-upstream-stream-duration-ms") continue;
      if (header.name === "keep-alive" || header.name === "proxy-connection") continue;
      if (header.name === "x-envoy-decorator-operation") continue;
      const sent = forgedValue(header);
      const message = request({ pairs: [header.name, sent] });
      await connectionManagerLayer(manager)(() =>
        Promise.resolve({ status: 200, headers: new HeaderList(), body: null })
      )(
        message,
        callOf(message, { direction }),
      );
      const found = treatment(sent, message.headers.get(header.name) ?? null);
      if (found !== header[direction]) differences.push(`${direction} ${header.name}: ${found}`);
    }
  }
  assert.deepEqual(differences, []);
});
