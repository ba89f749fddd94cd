import assert from "node:assert/strict";
import { type Body, BytesBody, readAll } from "../../../lib/http/body.ts";
import type { HttpClientConnection } from "../../../lib/http/codec.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp1 } from "../../../lib/http/http1/client_connection.ts";
import type { Http1Limits } from "../../../lib/http/http1/limits.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import type { StreamPairOptions } from "../../support/stream_pair.ts";
import { RawPeer, settle } from "./raw_peer.ts";

interface Connected {
  server: RawPeer;
  connection: HttpClientConnection;
  clock: FakeClock;
  changes: string[];
}

function connect(setting: { limits?: Partial<Http1Limits>; pair?: StreamPairOptions } = {}): Connected {
  const server = new RawPeer(setting.pair);
  const clock = new FakeClock();
  const { limits } = setting;
  const connection = connectHttp1(server.stream, { clock, logger: silentLogger, ...(limits ? { limits } : {}) });
  const changes: string[] = [];
  connection.onChange = () => changes.push(`${connection.state} ${connection.available}`);
  return { server, connection, clock, changes };
}

function request(changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "GET",
    scheme: "http",
    authority: "a.b:80",
    path: "/p",
    headers: new HeaderList(["x-a", "1"]),
    body: null,
    protocol: "HTTP/1.1",
    ...changes,
  };
}

async function text(response: HttpResponse): Promise<string> {
  return new TextDecoder().decode((await readAll(response.body))!);
}

/** Content under the test's control. */
class SlowBody implements Body {
  readonly length = null;
  readonly trailers = null;
  cancelled: unknown = undefined;
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(error: unknown): void } | null = null;
  whole() {
    return null;
  }
  read(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }
  give(content: string | null) {
    this.#waiting!.resolve(content === null ? null : new TextEncoder().encode(content));
  }
  fail(error: unknown) {
    this.#waiting!.reject(error);
  }
  cancel(reason?: unknown) {
    this.cancelled = reason;
  }
}

Deno.test("connectHttp1() sends a request and reads the response, and again on the same connection", async () => {
  const { server, connection, changes } = connect();
  const exchange = new Exchange();
  const first = connection.send(
    request({ method: "POST", body: new BytesBody(new TextEncoder().encode("hi")) }),
    exchange,
  );
  assert.equal(connection.available, 0);
  assert.equal(connection.active, 1);
  await server.untilText("hi");
  assert.equal(server.text, "POST /p HTTP/1.1\r\nhost: a.b:80\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nhi");
  server.send("HTTP/1.1 201 Whatever\r\nX-B:  2\r\nX-B: 3\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
  const response = await first;
  assert.equal(response.status, 201);
  assert.deepEqual(response.headers.pairs, ["x-b", "2", "x-b", "3", "content-length", "5"]);
  assert.equal(await text(response), "hello");
  assert.deepEqual(changes, ["open 1"]);
  assert.ok(exchange.completed);
  assert.equal(exchange.requestHeaderBytes, 61);
  assert.equal(exchange.requestBodyBytes, 2);
  assert.equal(exchange.responseBodyBytes, 5);
  server.text = "";
  const second = connection.send(request(), new Exchange());
  await server.untilText("\r\n\r\n");
  assert.equal(server.text, "GET /p HTTP/1.1\r\nhost: a.b:80\r\nx-a: 1\r\n\r\n");
  server.send("HTTP/1.1 204\r\n\r\n");
  assert.equal((await second).body, null);
  connection.close();
  assert.equal(connection.state, "closed");
});

Deno.test("connectHttp1() writes a length of zero for methods that have content", async () => {
  for (
    const [method, expected] of [
      ...[["POST", true], ["PUT", true], ["PATCH", true], ["OPTIONS", true], ["PROPFIND", true]],
      ...[["GET", false], ["DELETE", false]],
    ]
  ) {
    const { server, connection } = connect();
    connection.send(request({ method: method as string }), new Exchange()).catch(() => {});
    await server.untilText("\r\n\r\n");
    assert.equal(server.text.includes("content-length: 0\r\n"), expected, `${method}`);
    connection.close();
  }
});

Deno.test("connectHttp1() strips hop-by-hop fields and its own from the request", async () => {
  const { server, connection } = connect();
  const headers = new HeaderList([
    "connection",
    "close",
    "transfer-encoding",
    "chunked",
    "content-length",
    "99",
    "host",
    "evil",
    "upgrade",
    "x",
    "te",
    "trailers",
    "x-keep",
    "1",
  ]);
  connection.send(request({ headers }), new Exchange()).catch(() => {});
  await server.untilText("\r\n\r\n");
  assert.equal(server.text, "GET /p HTTP/1.1\r\nhost: a.b:80\r\nx-keep: 1\r\n\r\n");
  connection.close();
});

Deno.test("connectHttp1() streams content of unknown length in chunks, with the head first", async () => {
  const { server, connection } = connect();
  const body = new SlowBody();
  const answer = connection.send(request({ method: "POST", body }), new Exchange());
  await server.untilText("transfer-encoding: chunked\r\n\r\n");
  server.text = "";
  body.give("abc");
  await server.untilText("3\r\nabc\r\n");
  body.give(null);
  await server.untilText("0\r\n\r\n");
  server.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\nx-t: 1\r\n\r\n");
  const response = await answer;
  assert.equal(await text(response), "xyz");
  assert.deepEqual(response.body!.trailers!.pairs, ["x-t", "1"]);
  assert.equal(connection.available, 1);
  connection.close();
});

Deno.test("connectHttp1() gives the response before the request has been sent, and the upload goes on", async () => {
  const { server, connection } = connect();
  const body = new SlowBody();
  const answer = connection.send(request({ method: "POST", body }), new Exchange());
  await server.untilText("\r\n\r\n");
  server.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
  const response = await answer;
  await settle();
  body.give("more");
  await server.untilText("more");
  body.give(null);
  await server.untilText("0\r\n\r\n");
  server.send("cd");
  assert.equal(await text(response), "abcd");
  assert.equal(connection.available, 1);
  connection.close();
});

Deno.test("connectHttp1() gives up the upload and the connection when the response is complete before it", async () => {
  const { server, connection } = connect();
  const body = new SlowBody();
  const exchange = new Exchange();
  const answer = connection.send(request({ method: "POST", body }), exchange);
  await server.untilText("\r\n\r\n");
  server.send("HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n");
  assert.equal((await answer).status, 413);
  assert.ok(body.cancelled instanceof Error);
  assert.equal(connection.state, "closed");
  assert.ok(exchange.completed && !exchange.cancelled);
});

Deno.test("connectHttp1() fails when the source of the upload fails", async () => {
  const { server, connection } = connect();
  const body = new SlowBody();
  const answer = connection.send(request({ method: "POST", body }), new Exchange());
  await server.untilText("\r\n\r\n");
  body.fail(new Error("Source"));
  await assert.rejects(answer, { message: "Source" });
  assert.equal(connection.state, "closed");
});

Deno.test("connectHttp1() skips informational responses, but not 101 and not without end", async () => {
  const { server, connection } = connect();
  const answer = connection.send(request(), new Exchange());
  server.send(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  );
  assert.equal((await answer).status, 200);
  connection.close();
  for (const bad of ["HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n".repeat(20)]) {
    const other = connect();
    const failing = other.connection.send(request(), new Exchange());
    other.server.send(bad);
    await assert.rejects(failing, { code: "UPSTREAM_PROTOCOL_ERROR" });
    assert.equal(other.connection.state, "closed");
  }
});

Deno.test("connectHttp1() expects no content after HEAD, 204 and 304", async () => {
  for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]] as const) {
    const { server, connection } = connect();
    const answer = connection.send(request({ method }), new Exchange());
    server.send(`HTTP/1.1 ${status} X\r\ncontent-length: 5\r\n\r\n`);
    const response = await answer;
    assert.equal(response.body, null);
    assert.equal(response.headers.get("content-length"), "5");
    assert.equal(connection.available, 1);
    connection.close();
  }
});

Deno.test("connectHttp1() reads content up to the end of the connection", async () => {
  const { server, connection } = connect();
  const answer = connection.send(request(), new Exchange());
  server.send("HTTP/1.1 200 OK\r\n\r\nab");
  const response = await answer;
  server.send("cd");
  server.end();
  assert.equal(await text(response), "abcd");
  assert.equal(connection.state, "closed");
});

Deno.test("connectHttp1() does not reuse a connection the server closes", async () => {
  for (const head of ["HTTP/1.1 200 OK\r\nconnection: close", "HTTP/1.0 200 OK"]) {
    const { server, connection, changes } = connect();
    const answer = connection.send(request(), new Exchange());
    server.send(`${head}\r\ncontent-length: 0\r\n\r\n`);
    await answer;
    assert.equal(connection.state, "closed");
    assert.deepEqual(changes, ["closed 0"]);
    await server.untilEnd();
  }
  const { server, connection } = connect();
  const answer = connection.send(request(), new Exchange());
  server.send("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n");
  await answer;
  assert.equal(connection.available, 1);
  connection.close();
});

Deno.test("connectHttp1() rejects with UPSTREAM_CONNECTION_TERMINATION when the connection ends before or in a head", async () => {
  for (const before of ["", "HTTP/1.1 20"]) {
    for (const leave of ["end", "destroy"] as const) {
      const { server, connection } = connect();
      const exchange = new Exchange();
      const answer = connection.send(request(), exchange);
      await server.untilText("\r\n\r\n");
      if (before !== "") server.send(before);
      await settle(1);
      server[leave]();
      await assert.rejects(answer, { code: "UPSTREAM_CONNECTION_TERMINATION" });
      assert.ok(exchange.completed && exchange.requestStarted);
    }
  }
});

Deno.test("connectHttp1() fails the reader of content that is cut off", async () => {
  for (const head of ["content-length: 10", "transfer-encoding: chunked"]) {
    const { server, connection } = connect();
    const answer = connection.send(request(), new Exchange());
    server.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nab`);
    const response = await answer;
    server.end();
    await assert.rejects(readAll(response.body), { code: "UPSTREAM_CONNECTION_TERMINATION" });
  }
});

Deno.test("connectHttp1() rejects malformed responses and closes", async () => {
  const bad = [
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
    "\x16\x03\x01\x00\x05hello",
    "HTTP/1.1 200 OK\r\n" + "x: y\r\n".repeat(101) + "\r\n",
    "HTTP/1.1 200 OK\r\nx: " + "y".repeat(61_440) + "\r\n\r\n",
  ];
  for (const bytes of bad) {
    const { server, connection } = connect();
    const answer = connection.send(request(), new Exchange());
    server.send(bytes);
    await assert.rejects(answer, { code: "UPSTREAM_PROTOCOL_ERROR" }, JSON.stringify(bytes.slice(0, 80)));
    assert.equal(connection.state, "closed");
  }
});

Deno.test("connectHttp1() closes when bytes come unasked, and keeps a complete response before garbage", async () => {
  const idle = connect();
  idle.server.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  await idle.server.until(() => idle.connection.state === "closed");
  for (const extra of ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTT", "garbage\0"]) {
    const { server, connection } = connect();
    const answer = connection.send(request(), new Exchange());
    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + extra);
    assert.equal(await text(await answer), "ok");
    assert.equal(connection.state, "closed", extra);
  }
});

Deno.test("connectHttp1() stops at once when the exchange is cancelled", async () => {
  const waiting = connect();
  const exchange = new Exchange();
  const answer = waiting.connection.send(request(), exchange);
  await waiting.server.untilText("\r\n\r\n");
  exchange.cancel(new Error("Enough"));
  await assert.rejects(answer, { message: "Enough" });
  await waiting.server.until(() => waiting.server.closed);

  const reading = connect();
  const other = new Exchange();
  const second = reading.connection.send(request(), other);
  reading.server.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab");
  const response = await second;
  other.cancel(new Error("Enough"));
  await assert.rejects(readAll(response.body), { message: "Enough" });

  const before = connect();
  const third = new Exchange();
  third.cancel(new Error("Never"));
  await assert.rejects(before.connection.send(request(), third), { message: "Never" });
  assert.equal(before.connection.available, 1);
  before.connection.close();
});

Deno.test("connectHttp1() closes the connection when the reader cancels the content", async () => {
  const { server, connection } = connect();
  const exchange = new Exchange();
  const answer = connection.send(request(), exchange);
  server.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab");
  (await answer).body!.cancel();
  assert.equal(connection.state, "closed");
  assert.ok(exchange.completed);
});

Deno.test("connectHttp1() refuses a request while one is under way, and after the end", async () => {
  const { connection } = connect();
  connection.send(request(), new Exchange()).catch(() => {});
  await assert.rejects(connection.send(request(), new Exchange()), { code: "UPSTREAM_REFUSED_STREAM" });
  connection.close();
  await assert.rejects(connection.send(request(), new Exchange()), { code: "UPSTREAM_REFUSED_STREAM" });
});

Deno.test("connectHttp1() refuses to send what would break the framing", async () => {
  const bad: Partial<HttpRequest>[] = [
    { path: "/a b" },
    { path: "/a\r\nx: y" },
    { path: "a" },
    { method: "GE T" },
    { method: "CONNECT" },
    { authority: "a\r\nx: y" },
    { headers: new HeaderList(["x", "a\nb"]) },
    { headers: new HeaderList(["x", "\u0100"]) },
    { headers: new HeaderList(["x y", "a"]) },
    { headers: new HeaderList(["", "a"]) },
  ];
  for (const change of bad) {
    const { server, connection } = connect();
    await assert.rejects(connection.send(request(change), new Exchange()), { code: "UPSTREAM_PROTOCOL_ERROR" });
    await settle(1);
    assert.equal(server.text, "");
    assert.equal(connection.available, 1);
    connection.close();
  }
});

Deno.test("connectHttp1() stops a server that sends faster than the reader reads", async () => {
  const { server, connection } = connect({ limits: { bodyHighWaterMark: 1000 }, pair: { maxChunk: 100 } });
  const answer = connection.send(request(), new Exchange());
  server.send("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + "x".repeat(100_000));
  const response = await answer;
  await settle();
  const held = (response.body as unknown as { buffered: number }).buffered;
  assert.ok(held > 1000 && held <= 1100, `held ${held}`);
  assert.equal((await readAll(response.body))!.length, 100_000);
  assert.equal(connection.available, 1);
  connection.close();
});

Deno.test("connectHttp1() gives up a server that takes no bytes", async () => {
  const { server, connection, clock } = connect({ limits: { stallTimeoutMs: 1000 }, pair: { highWaterMark: 5000 } });
  server.pause();
  const body: Body = {
    length: null,
    trailers: null,
    whole: () => null,
    read: () => Promise.resolve(new Uint8Array(1000)),
    cancel: () => {},
  };
  const answer = connection.send(request({ method: "POST", body }), new Exchange());
  const rejected = assert.rejects(answer, { code: "STREAM_IDLE_TIMEOUT" });
  await settle();
  await clock.advance(1500);
  await rejected;
});

Deno.test("connectHttp1() drains: at once when idle, after the response otherwise, and leaves no timer", async () => {
  const idle = connect();
  idle.connection.drain();
  assert.equal(idle.connection.state, "closed");
  await idle.server.untilEnd();
  await settle();
  assert.equal(idle.clock.pendingTimers, 0);
  const { server, connection, changes } = connect();
  const answer = connection.send(request(), new Exchange());
  connection.drain();
  assert.equal(connection.state, "draining");
  server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  assert.equal(await text(await answer), "ok");
  assert.deepEqual(changes, ["draining 0", "closed 0"]);
});
