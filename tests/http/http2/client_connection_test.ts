import assert from "node:assert/strict";
import { BytesBody, QueueBody, readAll } from "../../../lib/http/body.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import { Http2ErrorCode as Code } from "../../../lib/http/http2/error_code.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { HttpRequest } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { block, frame, Http2Peer, setting, uint32 } from "../../support/http2_peer.ts";
import { streamPair } from "../../support/stream_pair.ts";

const text = (value: string) => new TextEncoder().encode(value);

function request(body: HttpRequest["body"] = null, method = "GET"): HttpRequest {
  const headers = new HeaderList(["x-a", "1"]);
  return { method, scheme: "http", authority: "a.b", path: "/", headers, body, protocol: "HTTP/2" };
}

function connect(limits = {}) {
  const [ours, theirs] = streamPair();
  const clock = new FakeClock();
  const connection = connectHttp2(ours, { clock, logger: silentLogger, limits, keepaliveMs: 10_000 });
  const peer = new Http2Peer(theirs, "server");
  return { connection, peer, clock };
}

/** The next turn of the event loop: everything sent in memory has arrived. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a request and its response, with trailers both ways", async () => {
  const { connection, peer } = connect();
  peer.hello();
  const exchange = new Exchange();
  const sent = connection.send(request(new BytesBody(text("body"), new HeaderList(["x-t", "1"])), "POST"), exchange);
  const head = await peer.next("HEADERS");
  assert.deepEqual(head.fields, [
    ...[":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a.b"],
    ...["x-a", "1"],
  ]);
  assert.deepEqual((await peer.next("DATA")).payload, text("body"));
  assert.deepEqual((await peer.next("HEADERS")).fields, ["x-t", "1"]);
  peer.send(frame("HEADERS", 4, 1, block(":status", "103")));
  peer.send(
    frame("HEADERS", 4, 1, block(":status", "201", "x-b", "2")),
    frame("DATA", 0, 1, text("answer")),
    frame("HEADERS", 5, 1, block("grpc-status", "0")),
  );
  const response = await sent;
  assert.equal(response.status, 201);
  assert.deepEqual(response.headers.pairs, ["x-b", "2"]);
  assert.deepEqual(response.body!.whole(), text("answer"));
  assert.deepEqual(response.body!.trailers!.pairs, ["grpc-status", "0"]);
  assert.ok(exchange.completed && exchange.requestStarted);
  assert.deepEqual([exchange.requestBodyBytes, exchange.responseBodyBytes], [4, 6]);
  connection.close();
});

Deno.test("content of known length is declared", async () => {
  const { connection, peer } = connect();
  peer.hello();
  connection.send(request(new BytesBody(text("body")), "POST"), new Exchange()).catch(() => {});
  assert.deepEqual((await peer.next("HEADERS")).fields!.slice(8), ["x-a", "1", "content-length", "4"]);
  const wrong = request(new BytesBody(text("body")), "POST");
  wrong.headers.append("content-length", "99");
  connection.send(wrong, new Exchange()).catch(() => {});
  assert.deepEqual((await peer.next("HEADERS")).fields!.slice(8), ["x-a", "1", "content-length", "4"]);
  connection.send(request(null, "POST"), new Exchange()).catch(() => {});
  assert.deepEqual((await peer.next("HEADERS")).fields!.slice(8), ["x-a", "1", "content-length", "0"]);
  connection.close();
});

Deno.test("the peer's stream limit bounds available, and changes are told", async () => {
  const { connection, peer } = connect();
  assert.equal(connection.available, 100);
  let told = 0;
  connection.onChange = () => told++;
  peer.hello(setting(3, 2));
  await turn();
  assert.equal(connection.available, 2);
  assert.ok(told > 0);
  const first = connection.send(request(), new Exchange());
  const second = connection.send(request(), new Exchange());
  assert.deepEqual([connection.available, connection.active], [0, 2]);
  await assert.rejects(connection.send(request(), new Exchange()), { code: "UPSTREAM_REFUSED_STREAM" });
  told = 0;
  peer.send(frame("HEADERS", 5, 1, block(":status", "200")), frame("HEADERS", 5, 3, block(":status", "200")));
  await Promise.all([first, second]);
  assert.deepEqual([connection.available, connection.active, told], [2, 0, 1]);
  connection.close();
});

Deno.test("resets become errors by their meaning", async () => {
  const { connection, peer } = connect();
  peer.hello();
  const cases: [number, string][] = [
    [Code.REFUSED_STREAM, "UPSTREAM_REFUSED_STREAM"],
    [Code.INTERNAL_ERROR, "UPSTREAM_REMOTE_RESET"],
    [Code.NO_ERROR, "UPSTREAM_REMOTE_RESET"],
  ];
  for (const [i, [reset, code]] of cases.entries()) {
    const exchange = new Exchange();
    const sent = connection.send(request(), exchange);
    peer.send(frame("RST_STREAM", 0, 2 * i + 1, uint32(reset)));
    await assert.rejects(sent, { code });
    assert.ok(exchange.completed);
  }
  // After the head it is the body that fails, behind what has arrived.
  const sent = connection.send(request(), new Exchange());
  peer.send(frame("HEADERS", 4, 7, block(":status", "200")), frame("DATA", 0, 7, text("part")));
  const { body } = await sent;
  peer.send(frame("RST_STREAM", 0, 7, uint32(Code.CANCEL)));
  await turn();
  assert.deepEqual(await body!.read(), text("part"));
  await assert.rejects(body!.read(), { code: "UPSTREAM_REMOTE_RESET" });
  connection.close();
});

Deno.test("a complete response may stop the request without failing it", async () => {
  const { connection, peer } = connect();
  peer.hello();
  let cancelled = false;
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true });
  const exchange = new Exchange();
  const sent = connection.send(request(body, "POST"), exchange);
  peer.send(frame("HEADERS", 5, 1, block(":status", "200")), frame("RST_STREAM", 0, 1, uint32(Code.NO_ERROR)));
  assert.equal((await sent).status, 200);
  await turn();
  assert.ok(cancelled && exchange.completed);
  connection.close();
});

Deno.test("cancelling resets the stream; what was on its way is ignored", async () => {
  const { connection, peer } = connect();
  peer.hello();
  const exchange = new Exchange();
  const sent = connection.send(request(), exchange);
  await peer.next("HEADERS");
  exchange.cancel(new Error("Enough"));
  await assert.rejects(sent, /Enough/);
  assert.equal((await peer.next("RST_STREAM")).code, Code.CANCEL);
  peer.send(frame("HEADERS", 4, 1, block(":status", "200")), frame("DATA", 1, 1, text("late")));
  // A response nobody reads to its end is reset as well.
  const second = connection.send(request(), new Exchange());
  peer.send(frame("HEADERS", 4, 3, block(":status", "200")));
  (await second).body!.cancel();
  const reset = await peer.next("RST_STREAM");
  assert.deepEqual([reset.stream, reset.code], [3, Code.CANCEL]);
  const dead = new Exchange();
  dead.cancel(new Error("Before"));
  await assert.rejects(connection.send(request(), dead), /Before/);
  assert.equal(connection.state, "open");
  connection.close();
});

Deno.test("GOAWAY refuses what is above its last stream and lets the rest finish", async () => {
  const { connection, peer } = connect();
  peer.hello();
  const first = connection.send(request(), new Exchange());
  const second = connection.send(request(), new Exchange());
  peer.send(frame("GOAWAY", 0, 0, [...uint32(1), ...uint32(0)]));
  await assert.rejects(second, { code: "UPSTREAM_REFUSED_STREAM" });
  assert.deepEqual([connection.state, connection.available], ["draining", 0]);
  peer.send(frame("HEADERS", 5, 1, block(":status", "200")));
  assert.equal((await first).status, 200);
  await peer.end();
  assert.equal(connection.state, "closed");
});

Deno.test("malformed responses are protocol errors", async () => {
  const heads: number[][] = [
    block("x-a", "1"),
    block(":status", "20"),
    block(":status", "101"),
    block(":status", "200", ":status", "200"),
    block(":status", "200", "connection", "close"),
    block(":status", "200", "X-A", "1"),
    block(":path", "/", ":status", "200"),
    block("x-a", "1", ":status", "200"),
    block(":status", "200", "content-length", "5"),
    block(":status", "200", "content-length", "5", "content-length", "6"),
    block(":status", "200", "x-a", "a\nb"),
    block(":status", "200", "transfer-encoding", "chunked"),
    block(":status", "100"),
  ];
  const { connection, peer } = connect();
  peer.hello();
  for (const [i, head] of heads.entries()) {
    const sent = connection.send(request(), new Exchange());
    peer.send(frame("HEADERS", 5, 2 * i + 1, head));
    await assert.rejects(sent, { code: "UPSTREAM_PROTOCOL_ERROR" }, `head ${i}`);
    assert.equal((await peer.next("RST_STREAM")).code, Code.PROTOCOL_ERROR);
  }
  assert.equal(connection.state, "open");
  connection.close();
});

Deno.test("content that differs from content-length fails the body", async () => {
  const { connection, peer } = connect();
  peer.hello();
  for (const [i, content] of [text("abcd"), text("ab")].entries()) {
    const sent = connection.send(request(), new Exchange());
    const id = 2 * i + 1;
    peer.send(frame("HEADERS", 4, id, block(":status", "200", "content-length", "3")), frame("DATA", 1, id, content));
    const { body } = await sent;
    await assert.rejects(readAll(body), { code: "UPSTREAM_PROTOCOL_ERROR" });
  }
  // HEAD declares the length of what it does not send.
  const head = connection.send(request(null, "HEAD"), new Exchange());
  peer.send(frame("HEADERS", 5, 5, block(":status", "200", "content-length", "3")));
  assert.equal((await head).body, null);
  connection.close();
});

Deno.test("a request with an impossible header is not sent, and the connection goes on", async () => {
  const { connection, peer } = connect();
  peer.hello();
  const bad = request();
  bad.headers.append("x-bad", "a\r\nb");
  await assert.rejects(connection.send(bad, new Exchange()), { code: "UPSTREAM_PROTOCOL_ERROR" });
  const good = connection.send(request(), new Exchange());
  peer.send(frame("HEADERS", 5, 1, block(":status", "200")));
  assert.equal((await good).status, 200);
  connection.close();
});

Deno.test("a push is refused", async () => {
  const { connection, peer } = connect();
  peer.hello();
  assert.deepEqual([...(await peer.next("SETTINGS")).payload].slice(-6), setting(2, 0));
  peer.send(frame("PUSH_PROMISE", 4, 1, [...uint32(2), ...block(":method", "GET")]));
  assert.equal((await peer.next("GOAWAY")).code, Code.PROTOCOL_ERROR);
  assert.equal(connection.state, "closed");
});

Deno.test("a peer that has vanished is found out while requests are under way", async () => {
  const { connection, peer, clock } = connect();
  peer.hello();
  await turn();
  await clock.advance(60_000);
  assert.ok(!peer.frames.some((each) => each.type === "PING"), "an idle connection is left alone");
  const sent = connection.send(request(), new Exchange());
  const failed = assert.rejects(sent, { code: "UPSTREAM_CONNECTION_TERMINATION" });
  await clock.advance(15_000);
  const ping = await peer.next("PING");
  peer.send(frame("PING", 1, 0, ping.payload));
  await turn();
  await clock.advance(10_000);
  assert.equal(connection.active, 1, "an answer keeps the connection");
  await clock.advance(25_000);
  await failed;
  assert.equal(connection.state, "closed");
});

Deno.test("requests beyond the identifiers of a connection need another one", async () => {
  const { connection, peer } = connect();
  connection.drain();
  await peer.end();
  assert.equal(connection.state, "closed");
  await assert.rejects(connection.send(request(), new Exchange()), { code: "UPSTREAM_REFUSED_STREAM" });
});

Deno.test("both ends of this codec understand each other, many streams at a time", async () => {
  const [ours, theirs] = streamPair({ maxChunk: 1000 });
  const clock = new FakeClock();
  const server = serveHttp2(theirs, async (incoming) => {
    const body = await readAll(incoming.body);
    return { status: 200, headers: incoming.headers, body: new BytesBody(body!) };
  }, { clock, logger: silentLogger });
  const client = connectHttp2(ours, { clock, logger: silentLogger });
  const sizes = Array.from({ length: 60 }, (_, i) => i * i * 40);
  await Promise.all(sizes.map(async (size, i) => {
    const content = new Uint8Array(size).fill(i);
    const each = request(new BytesBody(content), "POST");
    each.headers.append("x-id", String(i));
    const response = await client.send(each, new Exchange());
    assert.equal(response.headers.get("x-id"), String(i));
    assert.deepEqual(await readAll(response.body), content);
  }));
  assert.deepEqual([client.active, server.active], [0, 0]);
  client.drain();
  await server.closed;
});
