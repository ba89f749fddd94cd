/** Calls of modules on the real codecs: both ends in memory, a gRPC server behind the cluster. */
import assert from "node:assert/strict";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { BytesBody, readAll } from "../../lib/http/body.ts";
import type { HttpServerConnection } from "../../lib/http/codec.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest } from "../../lib/http/message.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { connectHttp1 } from "../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../lib/http/http1/server_connection.ts";
import { connectHttp2 } from "../../lib/http/http2/client_connection.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { BufferType, MapType } from "../../lib/proxy_wasm/abi.ts";
import { ClusterClient } from "../../lib/upstream/cluster_client.ts";
import { ClusterManager } from "../../lib/upstream/cluster_manager.ts";
import { cluster, endpoint, loadAssignment, locality } from "../support/resource_objects.ts";
import { streamPair } from "../support/stream_pair.ts";
import { OUT, pairsOf, WasmProbe } from "../support/wasm_probe.ts";
import { TestEnvironment } from "../support/wasm_rig.ts";
import { FakeUpstream, turn } from "../upstream/fake_upstream.ts";

type ServerHandler = Parameters<typeof serveHttp2>[1];

/** A probe whose cluster `backend` is answered by `handler`. */
function setUp(protocol: "http1" | "http2", handler: ServerHandler) {
  const configuration = new FakeUpstream({
    clusters: [cluster({ http: { ...cluster().http, protocol } })],
    assignments: [loadAssignment([locality([endpoint("10.0.0.1", 80)])])],
  });
  const { clock } = configuration;
  const options = { clock, logger: silentLogger };
  const servers: HttpServerConnection[] = [];
  const manager = new ClusterManager({
    source: configuration,
    secrets: { certificate: () => null, trustBundle: () => null, subscribe: () => () => {} },
    connector: {
      connect: () => {
        const [client, server] = streamPair();
        servers.push((protocol === "http1" ? serveHttp1 : serveHttp2)(server, handler, options));
        return Promise.resolve(client);
      },
    },
    streamTls: { start: () => Promise.reject(new Error("No TLS in a fake stream")) },
    codecs: {
      http1: (stream) => connectHttp1(stream, options),
      http2: (stream) => connectHttp2(stream, options),
    },
    resolve: () => Promise.reject(new Error("No such name")),
    clock,
    random: () => 0,
    logger: silentLogger,
  });
  const client = new ClusterClient({ clusters: manager, exists: (name) => name === "backend", timers: clock });
  const probe = new WasmProbe(new TestEnvironment(client));
  const told: unknown[] = [];
  probe.on({
    onHttpCallResponse: (_root, _call, headers, size, trailers) =>
      void told.push([
        headers,
        size,
        trailers,
        probe.header(MapType.HTTP_CALL_RESPONSE_HEADERS, ":status"),
        probe.buffer(BufferType.HTTP_CALL_RESPONSE_BODY),
      ]),
    onGrpcReceiveInitialMetadata: () => void told.push("initial"),
    onGrpcReceive: () => void told.push(probe.buffer(BufferType.GRPC_CALL_MESSAGE)),
    onGrpcReceiveTrailingMetadata: () => void told.push("trailing"),
    onGrpcClose: () => void told.push(probe.status()),
  });
  return {
    probe,
    told,
    clock,
    resources: () => manager.target("backend")!.resources,
    /** Waits until so much has been told. */
    async until(count: number): Promise<void> {
      for (let i = 0; i < 200 && told.length < count; i++) await turn();
      assert.ok(told.length >= count, JSON.stringify(told));
    },
    async [Symbol.asyncDispose]() {
      manager.close();
      await Promise.all(servers.map(({ closed }) => closed));
      await turn();
    },
  };
}

const HEADERS = pairsOf([":method", "POST"], [":path", "/x"], [":authority", "a"]);

for (const protocol of ["http1", "http2"] as const) {
  Deno.test(`${protocol}: an HTTP call with content and trailers, and one that is cut short by its limit of time`, async () => {
    const exchanges: Exchange[] = [];
    await using rig = setUp(protocol, async (request: HttpRequest, exchange: Exchange) => {
      exchanges.push(exchange);
      if (request.path === "/slow") return await new Promise(() => {});
      const content = await readAll(request.body);
      return {
        status: 200,
        headers: new HeaderList(["x-trailer-was", request.body?.trailers?.get("x-t") ?? "none"]),
        body: new BytesBody(content!, new HeaderList(["x-end", "1"])),
      };
    });
    const { probe, told, clock } = rig;
    const text = "x".repeat(100_000);
    probe.ok("proxy_http_call", "backend", HEADERS, text, pairsOf(["x-t", "yes"]), 0, OUT);
    await rig.until(1);
    const [, size, trailers, status, content] = told[0] as [number, number, number, string, string];
    // HTTP/1.1 has no trailers behind content of a known length.
    assert.deepEqual([size, trailers, status], [text.length, protocol === "http1" ? 0 : 1, "200"]);
    assert.ok(content === text);
    told.length = 0;
    const slow = pairsOf([":method", "GET"], [":path", "/slow"], [":authority", "a"]);
    probe.ok("proxy_http_call", "backend", slow, "", pairsOf(), 300, OUT);
    for (let i = 0; i < 200 && exchanges.length < 2; i++) await turn();
    await clock.advance(300);
    await rig.until(1);
    assert.equal((told[0] as unknown[])[3], "504");
    assert.equal(exchanges[1]!.cancelled || exchanges[1]!.completed, true);
    assert.equal(rig.resources().requests.count, 0);
    assert.equal(probe.vm.failure, null);
  });
}

Deno.test("http2: gRPC calls and streams, both ways at once, closed and given up", async () => {
  const server = new GrpcServer({ clock: new FakeUpstream().clock, logger: silentLogger });
  const gone: string[] = [];
  server.unary("/t.T/Upper", (request) => {
    const text = new TextDecoder().decode(request);
    return Promise.resolve(new TextEncoder().encode(text.toUpperCase()));
  });
  server.bidi("/t.T/Echo", async (requests, call) => {
    try {
      for await (const message of requests) await call.send(message);
      gone.push("ended");
    } catch {
      gone.push("cancelled");
    }
  });
  await using rig = setUp("http2", server.handler);
  const { probe, told } = rig;
  probe.ok("proxy_grpc_call", "backend", "t.T", "Upper", pairsOf(), "quiet", 0, OUT);
  await rig.until(1);
  assert.deepEqual(told.splice(0), ["QUIET"]);
  probe.ok("proxy_grpc_call", "backend", "t.T", "Nothing", pairsOf(), "x", 0, OUT);
  await rig.until(1);
  assert.equal((told.splice(0)[0] as number[])[0], 12);

  const stream = probe.ok("proxy_grpc_stream", "backend", "t.T", "Echo", pairsOf(), OUT);
  for (const text of ["one", "", "three"]) {
    probe.call("proxy_grpc_send", stream, text, 0);
    await rig.until(told.length + 1);
  }
  await rig.until(4);
  assert.deepEqual(told.splice(0), ["initial", "one", "", "three"]);
  probe.ok("proxy_grpc_close", stream);
  await rig.until(2);
  assert.deepEqual(told.splice(0), ["trailing", [0, ""]]);

  const big = "x".repeat(300_000);
  const second = probe.ok("proxy_grpc_stream", "backend", "t.T", "Echo", pairsOf(), OUT);
  for (let i = 0; i < 5; i++) probe.call("proxy_grpc_send", second, big, 0);
  await rig.until(6);
  assert.deepEqual(told.splice(0).map((text) => (text as string).length), [7, ...Array(5).fill(big.length)]);
  probe.ok("proxy_grpc_cancel", second);
  for (let i = 0; i < 200 && gone.length < 2; i++) await turn();
  assert.deepEqual(gone, ["ended", "cancelled"]);
  assert.deepEqual(told, []);
  assert.equal(rig.resources().requests.count, 0);
});
