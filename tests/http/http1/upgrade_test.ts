/** Upgrades of HTTP/1.1 connections in both roles, and what must not be smuggled behind them. */
import assert from "node:assert/strict";
import { type Body, QueueBody, readAll } from "../../../lib/http/body.ts";
import type { HttpServerHandler } from "../../../lib/http/codec.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp1 } from "../../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../../lib/http/http1/server_connection.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { streamPair, type StreamPairOptions } from "../../support/stream_pair.ts";
import { RawPeer, settle } from "./raw_peer.ts";

const UPGRADE = "GET /chat HTTP/1.1\r\nhost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
const bytes = (text: string) => new TextEncoder().encode(text);
const string = (chunk: Uint8Array | null) => chunk === null ? null : new TextDecoder().decode(chunk);

/** A body the test fills. */
function filled(): QueueBody & { readonly cancelledWith: unknown[] } {
  const cancelledWith: unknown[] = [];
  const body = new QueueBody(null, { consumed() {}, cancelled: (reason) => cancelledWith.push(reason) });
  return Object.assign(body, { cancelledWith });
}

/** A peer that does not end only because the other side has. */
class HalfOpenPeer extends RawPeer {
  override onEnd(): void {
    this.ended = true;
  }
}

function switching(body: Body | null): HttpResponse {
  return { status: 101, headers: new HeaderList(["x-a", "1", "content-length", "9"]), body };
}

function serve(handler: HttpServerHandler, pair: StreamPairOptions = {}) {
  const client = new HalfOpenPeer(pair);
  const clock = new FakeClock();
  const connection = serveHttp1(client.stream, handler, { clock, logger: silentLogger });
  return { client, clock, connection };
}

Deno.test("serveHttp1() switches protocols, and both directions end by themselves", async () => {
  for (const first of ["client", "server"]) {
    const answer = filled();
    let request: HttpRequest | null = null;
    let exchange: Exchange | null = null;
    const { client, clock, connection } = serve((given, of) => {
      request = given;
      exchange = of;
      return Promise.resolve(switching(answer));
    });
    client.send(`${UPGRADE}x-b: 2\r\n\r\n`);
    await client.untilText("\r\n\r\n");
    assert.equal(
      client.text,
      "HTTP/1.1 101 Switching Protocols\r\nx-a: 1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    assert.equal(request!.upgrade, "websocket");
    assert.deepEqual(request!.headers.pairs, ["x-b", "2"]);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert.equal(string(await request!.body!.read()), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    answer.push(bytes("from the server"));
    await client.untilText("from the server");
    // Silence of any length is fine.
    await clock.advance(24 * 3_600_000);
    assert.equal(connection.active, 1);
    const endOfClient = async () => {
      client.end();
      assert.equal(await request!.body!.read(), null);
    };
    const endOfServer = async () => {
      answer.end();
      await client.untilEnd();
    };
    if (first === "client") {
      await endOfClient();
      answer.push(bytes("after"));
      await client.untilText("after");
      await endOfServer();
    } else {
      answer.end();
      await settle();
      client.send("after");
      assert.equal(string(await request!.body!.read()), "after");
      await endOfClient();
    }
    await connection.closed;
    assert.ok(exchange!.completed && !exchange!.cancelled);
    assert.equal(exchange!.responseBodyBytes, first === "client" ? 20 : 15);
  }
});

Deno.test("serveHttp1() hands bytes that came with the upgrade to its body, never to another request", async () => {
  const requests: string[] = [];
  for (const status of [101, 200, 403]) {
    let body: Body | null = null;
    const { client } = serve((request) => {
      requests.push(request.path);
      body = request.body;
      return Promise.resolve(
        status === 101 ? switching(filled()) : { status, headers: new HeaderList(), body: null },
      );
    });
    client.send(`${UPGRADE}\r\nGET /hidden HTTP/1.1\r\nhost: a\r\n\r\n`);
    await client.untilText("\r\n\r\n");
    if (status === 101) {
      assert.equal(string(await body!.read()), "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n");
      client.destroy();
    } else {
      assert.match(client.text, /connection: close\r\n/);
      client.send("GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.untilEnd();
      assert.equal(client.text.split("HTTP/1.1 ").length, 2);
    }
  }
  assert.deepEqual(requests, ["/chat", "/chat", "/chat"]);
});

Deno.test("serveHttp1() refuses an upgrade with content", async () => {
  for (const field of ["content-length: 5", "transfer-encoding: chunked"]) {
    const { client } = serve(() => assert.fail("the handler was called"));
    client.send(`${UPGRADE}${field}\r\n\r\nhello`);
    await client.untilEnd();
    assert.match(client.text, /^HTTP\/1\.1 400 /);
  }
});

Deno.test("serveHttp1() ignores what is no wish to upgrade, and reads the next request", async () => {
  const table: [string, string][] = [
    ["no connection option", "GET /a HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\n\r\n"],
    ["no upgrade field", "GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\r\n"],
    ["POST", "POST /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 1\r\n\r\nx"],
    [
      "h2c",
      "GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: A\r\n\r\n",
    ],
    ["a list", "GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket, h2c\r\n\r\n"],
    ["two", "GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nupgrade: websocket\r\n\r\n"],
    ["HTTP/1.0", "GET /a HTTP/1.0\r\nhost: a\r\nconnection: keep-alive, upgrade\r\nupgrade: websocket\r\n\r\n"],
  ];
  for (const [name, head] of table) {
    const requests: string[] = [];
    const { client, connection } = serve((request) => {
      assert.equal(request.upgrade, undefined, name);
      requests.push(request.path);
      return Promise.resolve({ status: 204, headers: new HeaderList(), body: null });
    });
    client.send(`${head}GET /b HTTP/1.1\r\nhost: a\r\n\r\n`);
    await client.until(() => requests.length === 2, name);
    assert.deepEqual(requests, ["/a", "/b"], name);
    connection.close();
  }
});

Deno.test("serveHttp1() answers 500 where a handler switches protocols unasked", async () => {
  const { client, connection } = serve(() => Promise.resolve(switching(filled())));
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.untilText("\r\n\r\n");
  assert.match(client.text, /^HTTP\/1\.1 500 /);
  connection.close();
});

Deno.test("serveHttp1() stops a client whose upgraded bytes nobody takes, and tells both bodies of its end", async () => {
  let request: HttpRequest | null = null;
  const answer = filled();
  const { client, connection } = serve((given) => {
    request = given;
    return Promise.resolve(switching(answer));
  }, { maxChunk: 16_384 });
  client.send(`${UPGRADE}\r\n`);
  await client.untilText("\r\n\r\n");
  client.send("x".repeat(1_000_000));
  await settle(50);
  assert.ok((request!.body as QueueBody).buffered < 100_000);
  client.destroy();
  await connection.closed;
  assert.equal(answer.cancelledWith.length, 1);
  await assert.rejects(async () => await readAll(request!.body), /client closed the connection/);
});

function upgradeRequest(body: Body | null): HttpRequest {
  return {
    method: "GET",
    scheme: "http",
    authority: "a",
    path: "/chat",
    headers: new HeaderList(["x-a", "1"]),
    body,
    protocol: "HTTP/1.1",
    upgrade: "websocket",
  };
}

function connect() {
  const server = new HalfOpenPeer();
  const clock = new FakeClock();
  const connection = connectHttp1(server.stream, { clock, logger: silentLogger });
  return { server, clock, connection };
}

const SWITCHED = "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";

Deno.test("connectHttp1() sends nothing before the server has switched, and then is raw both ways", async () => {
  const { server, connection, clock } = connect();
  const body = filled();
  body.push(bytes("first"));
  const exchange = new Exchange();
  const answer = connection.send(upgradeRequest(body), exchange);
  await server.untilText("\r\n\r\n");
  await settle();
  assert.equal(
    server.text,
    "GET /chat HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  server.text = "";
  server.send(`HTTP/1.1 100 Continue\r\n\r\n${SWITCHED}\r\nHTTP/1.1 200 OK\r\n\r\n`);
  const response = await answer;
  assert.equal(response.status, 101);
  assert.deepEqual(response.headers.pairs, []);
  assert.equal(string(await response.body!.read()), "HTTP/1.1 200 OK\r\n\r\n");
  await server.untilText("first");
  assert.equal(connection.available, 0);
  await clock.advance(24 * 3_600_000);
  body.end();
  await server.untilEnd();
  assert.equal(connection.state, "open");
  server.end();
  assert.equal(await response.body!.read(), null);
  assert.equal(connection.state, "closed");
  assert.ok(exchange.completed && !exchange.cancelled);
  assert.equal(exchange.requestBodyBytes, 5);
});

Deno.test("connectHttp1() keeps sending when the server has ended, and reading when nobody sends", async () => {
  const { server, connection } = connect();
  const body = filled();
  const answer = connection.send(upgradeRequest(body), new Exchange());
  await server.untilText("\r\n\r\n");
  server.send(`${SWITCHED}\r\n`);
  const response = await answer;
  server.end();
  assert.equal(await response.body!.read(), null);
  body.push(bytes("still here"));
  await server.untilText("still here");
  assert.equal(connection.state, "open");
  body.end();
  await server.untilEnd();
  assert.equal(connection.state, "closed");
});

Deno.test("connectHttp1() takes another answer as an ordinary one and cancels what was to follow", async () => {
  const { server, connection } = connect();
  const body = filled();
  const answer = connection.send(upgradeRequest(body), new Exchange());
  await server.untilText("\r\n\r\n");
  server.send("HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno");
  const response = await answer;
  assert.equal(response.status, 403);
  assert.equal(string(await readAll(response.body)), "no");
  assert.equal(body.cancelledWith.length, 1);
  assert.equal(connection.available, 1);
  connection.close();
});

Deno.test("connectHttp1() refuses an answer that does not switch to what was asked for", async () => {
  const table: [string, string][] = [
    ["another protocol", "HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"],
    ["no protocol", "HTTP/1.1 101 S\r\nconnection: upgrade\r\n\r\n"],
    ["no connection option", "HTTP/1.1 101 S\r\nupgrade: websocket\r\n\r\n"],
    ["two protocols", "HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket, h2c\r\n\r\n"],
    ["content", `${SWITCHED}content-length: 0\r\n\r\n`],
    ["chunked content", `${SWITCHED}transfer-encoding: chunked\r\n\r\n`],
    ["HTTP/1.0", SWITCHED.replace("1.1", "1.0") + "\r\n"],
  ];
  for (const [name, text] of table) {
    const { server, connection } = connect();
    const body = filled();
    const answer = connection.send(upgradeRequest(body), new Exchange());
    answer.catch(() => {});
    await server.untilText("\r\n\r\n");
    server.send(text);
    await assert.rejects(answer, { code: "UPSTREAM_PROTOCOL_ERROR" }, name);
    assert.equal(body.cancelledWith.length, 1, name);
    assert.equal(connection.state, "closed");
  }
});

Deno.test("connectHttp1() refuses a switch nobody asked for", async () => {
  const { server, connection } = connect();
  const { upgrade: _, ...plain } = upgradeRequest(null);
  const answer = connection.send(plain, new Exchange());
  answer.catch(() => {});
  await server.untilText("\r\n\r\n");
  server.send(`${SWITCHED}\r\n`);
  await assert.rejects(answer, { code: "UPSTREAM_PROTOCOL_ERROR" });
});

Deno.test("connectHttp1() fails both bodies of a switched connection that breaks or is cancelled", async () => {
  for (const how of ["breaks", "is cancelled"]) {
    const { server, connection } = connect();
    const body = filled();
    const exchange = new Exchange();
    const answer = connection.send(upgradeRequest(body), exchange);
    await server.untilText("\r\n\r\n");
    server.send(`${SWITCHED}\r\n`);
    const response = await answer;
    if (how === "breaks") server.destroy();
    else exchange.cancel(new Error("Enough"));
    await assert.rejects(async () => await response.body!.read(), how === "breaks" ? /closed/ : /Enough/);
    assert.equal(body.cancelledWith.length, 1);
    assert.ok(exchange.completed);
    assert.equal(connection.state, "closed");
  }
});

Deno.test("connectHttp1() and serveHttp1() carry bytes both ways over one connection", async () => {
  const [a, b] = streamPair({ maxChunk: 1000 });
  const clock = new FakeClock();
  // The server sends back what it gets.
  const server = serveHttp1(a, (request) => Promise.resolve(switching(request.body)), { clock, logger: silentLogger });
  const client = connectHttp1(b, { clock, logger: silentLogger });
  const body = filled();
  const response = await client.send(upgradeRequest(body), new Exchange());
  const sent = crypto.getRandomValues(new Uint8Array(50_000));
  body.push(sent);
  body.end();
  assert.deepEqual(await readAll(response.body), sent);
  await server.closed;
  assert.equal(client.state, "closed");
});
