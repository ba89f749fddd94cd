import fc from "fast-check";
import assert from "node:assert/strict";
import { MeshError } from "../../../lib/errors.ts";
import { BytesBody, QueueBody, readAll } from "../../../lib/http/body.ts";
import type { HttpServerHandler } from "../../../lib/http/codec.ts";
import type { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { Http2ErrorCode as Code } from "../../../lib/http/http2/error_code.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { block, bytes, frame, get, Http2Peer, PREFACE, setting, uint32 } from "../../support/http2_peer.ts";
import { streamPair } from "../../support/stream_pair.ts";

const text = (value: string) => new TextEncoder().encode(value);

function ok(body: HttpResponse["body"] = null, ...headers: string[]): HttpResponse {
  return { status: 200, headers: new HeaderList(headers), body };
}

function serve(handler: HttpServerHandler, limits = {}) {
  const [ours, theirs] = streamPair();
  const clock = new FakeClock();
  const connection = serveHttp2(ours, handler, { clock, logger: silentLogger, limits });
  const peer = new Http2Peer(theirs, "client");
  return { connection, peer, clock, ours };
}

async function requestOf(...parts: Uint8Array[]): Promise<HttpRequest> {
  const seen = Promise.withResolvers<HttpRequest>();
  const { peer } = serve((request) => {
    seen.resolve(request);
    return Promise.resolve(ok());
  });
  peer.hello();
  peer.send(...parts);
  const request = await seen.promise;
  peer.close();
  return request;
}

Deno.test("a request arrives as it was sent, whatever the chunks", async () => {
  const stream = bytes(
    PREFACE,
    frame("SETTINGS", 0, 0),
    frame("HEADERS", 4, 1, get("x-a", "1", "x-b", "\xff")),
    frame("DATA", 0x8, 1, [3, ...text("hel"), 0, 0, 0]),
    frame("DATA", 1, 1, text("lo")),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: stream.length - 1 })), async (cuts) => {
      const seen = Promise.withResolvers<string>();
      const { peer } = serve(async (request) => {
        const body = await readAll(request.body);
        seen.resolve(`${request.method} ${request.headers.pairs} ${new TextDecoder().decode(body!)}`);
        return ok();
      });
      const edges = [0, ...[...new Set(cuts)].sort((a, b) => a - b), stream.length];
      for (let i = 1; i < edges.length; i++) peer.send(stream.subarray(edges[i - 1]!, edges[i]!));
      assert.equal(await seen.promise, "GET x-a,1,x-b,\xff hello");
      peer.close();
    }),
    { numRuns: 50 },
  );
});

Deno.test("a small body that came with its head is whole at once", async () => {
  const request = await requestOf(frame("HEADERS", 4, 1, get()), frame("DATA", 1, 1, text("body")));
  assert.deepEqual(request.body!.whole(), text("body"));
  assert.equal((await requestOf(frame("HEADERS", 5, 1, get()))).body, null);
});

Deno.test("host becomes the authority, cookies become one, trailers follow the body", async () => {
  const fields = block(
    ":method",
    "POST",
    ":scheme",
    "http",
    ":path",
    "/",
    "host",
    "a.b",
    "cookie",
    "a=1",
    "cookie",
    "b",
  );
  const request = await requestOf(
    frame("HEADERS", 4, 1, fields),
    frame("DATA", 0, 1, text("x")),
    frame("HEADERS", 5, 1, block("x-trailer", "t")),
  );
  assert.equal(request.authority, "a.b");
  assert.deepEqual(request.headers.pairs, ["cookie", "a=1; b"]);
  await readAll(request.body);
  assert.deepEqual(request.body!.trailers!.pairs, ["x-trailer", "t"]);
});

Deno.test("CONNECT is a tunnel: either side may end first", async () => {
  const { peer } = serve((request) => Promise.resolve(ok(request.body)));
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, block(":method", "CONNECT", ":authority", "10.0.0.1:80")));
  peer.send(frame("DATA", 0, 1, text("one")));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "200"]);
  assert.deepEqual((await peer.next("DATA")).payload, text("one"));
  peer.send(frame("DATA", 1, 1, text("two")));
  assert.deepEqual((await peer.next("DATA")).payload, text("two"));
  assert.equal((await peer.next("DATA")).flags, 1);
  peer.close();
});

Deno.test("a response: head and content in one batch, then trailers", async () => {
  const { peer, ours } = serve((request) => {
    if (request.path === "/empty") return Promise.resolve(ok());
    return Promise.resolve(ok(new BytesBody(text("content"), new HeaderList(["grpc-status", "0"])), "x-a", "1"));
  });
  peer.hello();
  await peer.next("SETTINGS");
  await peer.next("SETTINGS", (each) => each.flags === 1);
  const before = ours.written.length;
  peer.send(frame("HEADERS", 5, 1, get()));
  const head = await peer.next("HEADERS");
  assert.deepEqual([head.fields, head.flags], [[":status", "200", "x-a", "1"], 4]);
  assert.deepEqual((await peer.next("DATA")).payload, text("content"));
  const trailers = await peer.next("HEADERS");
  assert.deepEqual([trailers.fields, trailers.flags], [["grpc-status", "0"], 5]);
  assert.equal(ours.written.length, before + 1, "more than one write");
  peer.send(frame("HEADERS", 5, 3, block(":method", "GET", ":scheme", "http", ":path", "/empty")));
  assert.equal((await peer.next("HEADERS")).flags, 5);
  peer.close();
});

Deno.test("content of known length is declared, to HEAD too, but not gRPC's", async () => {
  const { peer } = serve((request) =>
    Promise.resolve(
      request.path === "/grpc"
        ? ok(new BytesBody(text("content")), "content-type", "application/grpc")
        : ok(new BytesBody(text("content"))),
    )
  );
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get()));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "200", "content-length", "7"]);
  peer.send(frame("HEADERS", 5, 3, block(":method", "HEAD", ":scheme", "http", ":path", "/", ":authority", "test")));
  const head = await peer.next("HEADERS");
  assert.deepEqual([head.fields, head.flags], [[":status", "200", "content-length", "7"], 5]);
  peer.send(frame("HEADERS", 5, 5, block(":method", "GET", ":scheme", "http", ":path", "/grpc")));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "200", "content-type", "application/grpc"]);
  peer.close();
});

Deno.test("HEAD, 204 and 304 have no content whatever the handler gives", async () => {
  const { peer } = serve((request) => {
    const body = new BytesBody(text("content"));
    return Promise.resolve({ ...ok(body), status: request.path === "/" ? 200 : Number(request.path.slice(1)) });
  });
  peer.hello();
  const head = (method: string, path: string) => block(":method", method, ":scheme", "http", ":path", path);
  peer.send(frame("HEADERS", 5, 1, head("HEAD", "/")), frame("HEADERS", 5, 3, head("GET", "/204")));
  peer.send(frame("HEADERS", 5, 5, head("GET", "/304")));
  for (const stream of [1, 3, 5]) {
    const answer = await peer.next("HEADERS");
    assert.deepEqual([answer.stream, answer.flags], [stream, 5]);
  }
  peer.close();
});

Deno.test("content respects the windows of stream and connection", async () => {
  const content = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  const { peer } = serve(() => Promise.resolve(ok(new BytesBody(content))));
  peer.hello(setting(4, 10));
  peer.send(frame("HEADERS", 5, 1, get()), frame("HEADERS", 5, 3, get()));
  assert.equal((await peer.next("DATA")).payload.length, 10);
  assert.equal((await peer.next("DATA")).payload.length, 10);
  peer.send(frame("SETTINGS", 0, 0, setting(4, 0)), frame("WINDOW_UPDATE", 0, 1, uint32(13)));
  const three = await peer.next("DATA");
  assert.deepEqual([three.stream, three.payload.length], [1, 3]);
  peer.send(frame("WINDOW_UPDATE", 0, 1, uint32(200_000)));
  let received = 0;
  // The rest of the connection's 65,535 bytes, in frames of at most 16,384.
  while (received < 65_535 - 23) {
    const data = await peer.next("DATA");
    assert.equal(data.stream, 1);
    assert.ok(data.payload.length <= 16_384);
    received += data.payload.length;
  }
  assert.equal(received, 65_535 - 23);
  peer.send(frame("PING", 0, 0, uint32(1).concat(uint32(2))));
  await peer.next("PING");
  assert.equal(peer.frames.filter((each) => each.type === "DATA").length, 0);
  peer.send(frame("WINDOW_UPDATE", 0, 0, uint32(1_000_000)));
  await peer.next("DATA", (each) => each.stream === 1 && each.flags === 1);
  peer.close();
});

Deno.test("streams with content to send take turns", async () => {
  const { peer } = serve(() => Promise.resolve(ok(new BytesBody(new Uint8Array(40_000)))));
  peer.hello(setting(4, 100_000));
  peer.send(frame("WINDOW_UPDATE", 0, 0, uint32(1_000_000)));
  peer.send(frame("HEADERS", 5, 1, get()), frame("HEADERS", 5, 3, get()));
  await peer.next("DATA", (each) => each.flags === 1);
  await peer.next("DATA", (each) => each.flags === 1);
  peer.close();
});

Deno.test("a request body is asked for as it is read", async () => {
  const bodies: HttpRequest[] = [];
  const { peer } = serve((request) => {
    bodies.push(request);
    return new Promise(() => {});
  }, { streamWindowBytes: 1000, connectionWindowBytes: 65_535 });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()), frame("DATA", 0, 1, new Uint8Array(400)));
  peer.send(frame("DATA", 0, 1, new Uint8Array(600)), frame("PING", 0, 0, new Uint8Array(8)));
  await peer.next("PING");
  const body = bodies[0]!.body!;
  assert.equal((await body.read())!.length, 400);
  assert.equal((await body.read())!.length, 600);
  const update = await peer.next("WINDOW_UPDATE");
  assert.deepEqual([update.stream, [...update.payload]], [1, uint32(1000)]);
  peer.close();
});

Deno.test("the response may end before the request: the rest is refused without an error", async () => {
  const done = Promise.withResolvers<unknown>();
  const seen: HttpRequest[] = [];
  const { peer } = serve((request, exchange) => {
    seen.push(request);
    exchange.onComplete(done.resolve);
    return Promise.resolve(ok());
  });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()));
  assert.equal((await peer.next("HEADERS")).flags, 5);
  assert.equal((await peer.next("RST_STREAM")).code, Code.NO_ERROR);
  assert.equal(await done.promise, null);
  await assert.rejects(seen[0]!.body!.read(), MeshError);
  // What was on its way is no violation.
  peer.send(frame("DATA", 1, 1, text("late")), frame("PING", 0, 0, new Uint8Array(8)));
  await peer.next("PING");
  peer.close();
});

Deno.test("a reset by the client cancels the exchange, the request body and the response body", async () => {
  const exchanges: Exchange[] = [];
  const cancelled = Promise.withResolvers<void>();
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled.resolve() });
  const seen: HttpRequest[] = [];
  const { peer } = serve((request, exchange) => {
    seen.push(request);
    exchanges.push(exchange);
    return Promise.resolve(ok(body));
  });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()));
  await peer.next("HEADERS");
  peer.send(frame("RST_STREAM", 0, 1, uint32(Code.CANCEL)));
  await cancelled.promise;
  assert.ok(exchanges[0]!.cancelled && exchanges[0]!.completed);
  await assert.rejects(seen[0]!.body!.read(), { code: "DOWNSTREAM_CONNECTION_TERMINATION" });
  peer.close();
});

Deno.test("a handler that fails answers 500, one with an impossible header too", async () => {
  const { peer } = serve((request) => {
    if (request.path === "/throw") throw new Error("Broken");
    if (request.path === "/reject") return Promise.reject(new Error("Broken"));
    return Promise.resolve(ok(new BytesBody(text("a")), "x-bad", "line\nend"));
  });
  peer.hello();
  for (const [i, path] of ["/throw", "/reject", "/header"].entries()) {
    peer.send(frame("HEADERS", 5, 2 * i + 1, block(":method", "GET", ":scheme", "http", ":path", path)));
    const answer = await peer.next("HEADERS");
    assert.deepEqual([answer.fields, answer.flags], [[":status", "500"], 5], path);
  }
  peer.close();
});

Deno.test("a response body that fails resets the stream", async () => {
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  const { peer } = serve(() => Promise.resolve(ok(body)));
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get()));
  await peer.next("HEADERS");
  body.fail(new Error("Broken"));
  assert.equal((await peer.next("RST_STREAM")).code, Code.INTERNAL_ERROR);
  peer.close();
});

Deno.test("expect: 100-continue is answered at once and not passed on", async () => {
  const { peer } = serve(async (request) => {
    await readAll(request.body);
    return ok(null, "x-expect", String(request.headers.has("expect")));
  });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get("expect", "100-continue")));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "100"]);
  peer.send(frame("DATA", 1, 1, text("x")));
  assert.deepEqual((await peer.next("HEADERS")).fields, [":status", "200", "x-expect", "false"]);
  peer.close();
});

Deno.test("drain: nothing on its way is lost, then the connection ends", async () => {
  const answer = Promise.withResolvers<HttpResponse>();
  const { connection, peer } = serve(() => answer.promise);
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get()));
  peer.send(frame("PING", 0, 0, new Uint8Array(8)));
  await peer.next("PING");
  connection.drain();
  assert.deepEqual([...(await peer.next("GOAWAY")).payload], [...uint32(0x7fffffff), ...uint32(0)]);
  const ping = await peer.next("PING");
  // This request crossed the GOAWAY: it is still answered.
  peer.send(frame("HEADERS", 5, 3, get()), frame("PING", 1, 0, ping.payload));
  assert.deepEqual([...(await peer.next("GOAWAY")).payload], [...uint32(3), ...uint32(0)]);
  peer.send(frame("HEADERS", 5, 5, get()));
  answer.resolve(ok());
  assert.equal((await peer.next("HEADERS")).stream, 1);
  assert.equal((await peer.next("HEADERS")).stream, 3);
  await peer.end();
  await connection.closed;
  assert.ok(!peer.frames.some((each) => each.stream === 5));
});

Deno.test("a client that disappears cancels what is under way", async () => {
  const reasons: unknown[] = [];
  const { connection, peer } = serve((_request, exchange) => {
    exchange.onCancel((reason) => reasons.push(reason));
    return new Promise(() => {});
  });
  peer.hello();
  peer.send(frame("HEADERS", 5, 1, get()), frame("HEADERS", 4, 3, get()), frame("PING", 0, 0, new Uint8Array(8)));
  await peer.next("PING");
  assert.equal(connection.active, 2);
  peer.close();
  await connection.closed;
  assert.equal(reasons.length, 2);
  assert.equal(connection.active, 0);
});

Deno.test("wire bytes are accounted on the exchange", async () => {
  const exchanges: Exchange[] = [];
  const { peer } = serve((_request, exchange) => {
    exchanges.push(exchange);
    return Promise.resolve(ok(new BytesBody(text("four")), "ab", "c"));
  });
  peer.hello();
  peer.send(frame("HEADERS", 4, 1, get()), frame("DATA", 1, 1, text("request")));
  await peer.next("DATA");
  const exchange = exchanges[0]!;
  assert.equal(exchange.requestBodyBytes, 7);
  assert.equal(exchange.responseBodyBytes, 4);
  assert.equal(exchange.responseHeaderBytes, ":status200content-length3abc".length);
  assert.equal(exchange.requestHeaderBytes, ":methodGET:schemehttp:path/:authoritytest".length);
  assert.ok(exchange.completed);
  peer.close();
});
