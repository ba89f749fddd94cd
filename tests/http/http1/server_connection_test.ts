import assert from "node:assert/strict";
import { type Body, BytesBody, readAll } from "../../../lib/http/body.ts";
import type { HttpServerConnection, HttpServerHandler } from "../../../lib/http/codec.ts";
import type { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { Http1Limits } from "../../../lib/http/http1/limits.ts";
import { serveHttp1 } from "../../../lib/http/http1/server_connection.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import type { StreamPairOptions } from "../../support/stream_pair.ts";
import { RawPeer, settle } from "./raw_peer.ts";

interface Setting {
  limits?: Partial<Http1Limits>;
  pair?: StreamPairOptions;
}

interface Served {
  peer: RawPeer;
  connection: HttpServerConnection;
  clock: FakeClock;
  requests: HttpRequest[];
  exchanges: Exchange[];
  malformed: number[];
}

function serve(handler: HttpServerHandler, setting: Setting = {}): Served {
  const peer = new RawPeer(setting.pair);
  const clock = new FakeClock();
  const requests: HttpRequest[] = [];
  const exchanges: Exchange[] = [];
  const malformed: number[] = [];
  const connection = serveHttp1(peer.stream, (request, exchange) => {
    requests.push(request);
    exchanges.push(exchange);
    return handler(request, exchange);
  }, {
    clock,
    logger: silentLogger,
    onMalformed: (error) => malformed.push(error.status),
    ...(setting.limits === undefined ? {} : { limits: setting.limits }),
  });
  return { peer, connection, clock, requests, exchanges, malformed };
}

function respond(content: string | null, headers: string[] = [], status = 200): HttpResponse {
  const body = content === null ? null : new BytesBody(new TextEncoder().encode(content));
  return { status, headers: new HeaderList(headers), body };
}

/** Content that comes in pieces and of which nothing is known beforehand. */
function pieces(texts: string[], length: number | null = null, trailers: string[] | null = null): Body {
  const rest = texts.slice();
  return {
    length,
    trailers: trailers === null ? null : new HeaderList(trailers),
    whole: () => null,
    read: () => {
      const text = rest.shift();
      return Promise.resolve(text === undefined ? null : new TextEncoder().encode(text));
    },
    cancel: () => void rest.splice(0),
  };
}

const echo: HttpServerHandler = async (request) => {
  const bytes = await readAll(request.body);
  return { status: 200, headers: new HeaderList(), body: new BytesBody(bytes!) };
};

Deno.test("serveHttp1() reads a request and frames the response by the length of its content", async () => {
  const { peer, connection, requests, exchanges } = serve(() => Promise.resolve(respond("hello", ["x-a", "1"])));
  peer.send("POST /p?q=1 HTTP/1.1\r\nHost: a.b:80\r\nX-One:  1 \r\nContent-Length: 3\r\n\r\nabc");
  await peer.untilText("hello");
  assert.equal(peer.text, "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello");
  const request = requests[0]!;
  assert.deepEqual(
    { ...request, headers: request.headers.pairs, body: null },
    {
      method: "POST",
      scheme: "http",
      authority: "a.b:80",
      path: "/p?q=1",
      headers: ["x-one", "1", "content-length", "3"],
      body: null,
      protocol: "HTTP/1.1",
    },
  );
  assert.equal(exchanges[0]!.requestBodyBytes, 3);
  assert.equal(exchanges[0]!.responseBodyBytes, 5);
  assert.equal(exchanges[0]!.requestHeaderBytes, 69);
  assert.equal(exchanges[0]!.responseHeaderBytes, 46);
  assert.ok(exchanges[0]!.completed && !exchanges[0]!.cancelled);
  connection.close();
  await connection.closed;
});

Deno.test("serveHttp1() calls the handler with a small body already whole, however it is chunked", async () => {
  const wholes: (string | null)[] = [];
  const { peer, connection } = serve((request) => {
    const whole = request.body!.whole();
    wholes.push(whole === null ? null : new TextDecoder().decode(whole));
    return Promise.resolve(respond("ok"));
  });
  peer.send(
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n",
  );
  await peer.untilText("ok");
  peer.text = "";
  peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nde");
  await peer.untilText("ok");
  assert.deepEqual(wholes, ["abc", "de"]);
  connection.close();
});

Deno.test("serveHttp1() hands trailers over and leaves out those that must not be there", async () => {
  let trailers: HeaderList | null = null;
  const { peer, connection } = serve(async (request) => {
    await readAll(request.body);
    trailers = request.body!.trailers;
    return respond("ok");
  });
  peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nX-T: 1\r\nAuthorization: no\r\n\r\n");
  await peer.untilText("ok");
  assert.deepEqual(trailers!.pairs, ["x-t", "1"]);
  connection.close();
});

Deno.test("serveHttp1() answers pipelined requests in order, each after the one before", async () => {
  let running = 0;
  const { peer, connection, requests } = serve(async (request) => {
    assert.equal(++running, 1);
    await settle(2);
    running--;
    return respond(request.path);
  });
  peer.send(
    "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nxGET /3 HTTP/1.1\r\nhost",
  );
  peer.send(": a\r\n\r\n");
  await peer.untilText("/3");
  assert.deepEqual(peer.text.match(/\/\d$|\/\d(?=HTTP)/g), ["/1", "/2", "/3"]);
  assert.equal(requests.length, 3);
  connection.close();
});

Deno.test("serveHttp1() chunks content of unknown length and writes its trailers", async () => {
  const { peer, connection } = serve(() =>
    Promise.resolve({ status: 200, headers: new HeaderList(), body: pieces(["ab", "", "c"], null, ["x-t", "1"]) })
  );
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await peer.untilText("x-t");
  assert.equal(
    peer.text,
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx-t: 1\r\n\r\n",
  );
  connection.close();
});

Deno.test("serveHttp1() ends content of unknown length with the connection for HTTP/1.0", async () => {
  const { peer } = serve(() => Promise.resolve({ status: 200, headers: new HeaderList(), body: pieces(["ab", "c"]) }));
  peer.send("GET / HTTP/1.0\r\n\r\n");
  await peer.untilEnd();
  assert.equal(peer.text, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc");
});

Deno.test("serveHttp1() closes after an HTTP/1.0 request unless it asks to keep the connection", async () => {
  const closing = serve(() => Promise.resolve(respond("x")));
  closing.peer.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
  await closing.peer.untilEnd();
  assert.match(closing.peer.text, /connection: close\r\n\r\nx$/);
  const keeping = serve(() => Promise.resolve(respond("x")));
  keeping.peer.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  await keeping.peer.untilText("\r\n\r\nx");
  assert.match(keeping.peer.text, /connection: keep-alive\r\n/);
  await settle();
  assert.equal(keeping.peer.ended, false);
  assert.equal(keeping.requests[0]!.authority, "");
  keeping.connection.close();
});

Deno.test("serveHttp1() closes after a request that says close", async () => {
  const { peer, connection } = serve(() => Promise.resolve(respond("x")));
  peer.send("GET / HTTP/1.1\r\nhost: a\r\nConnection: Close\r\n\r\nGET /never HTTP/1.1\r\nhost: a\r\n\r\n");
  await connection.closed;
  assert.match(peer.text, /^HTTP\/1\.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx$/);
});

Deno.test("serveHttp1() sends no content to HEAD and with 204 and 304", async () => {
  const answers: HttpResponse[] = [
    respond("hello"),
    respond(null, ["content-length", "77"]),
    { status: 200, headers: new HeaderList(), body: pieces(["x"]) },
    respond("x", [], 204),
    respond(null, ["content-length", "9"], 304),
    respond(null),
  ];
  const expected = [
    "content-length: 5\r\n",
    "content-length: 77\r\n",
    "",
    "",
    "content-length: 9\r\n",
    "content-length: 0\r\n",
  ];
  for (const [i, answer] of answers.entries()) {
    const { peer, connection } = serve(() => Promise.resolve(answer));
    peer.send(`${i < 3 ? "HEAD" : "GET"} / HTTP/1.1\r\nhost: a\r\n\r\n`);
    await peer.untilText("\r\n\r\n");
    await settle();
    assert.equal(peer.text.slice(peer.text.indexOf("\r\n") + 2), `${expected[i]}\r\n`, `answer ${i}`);
    connection.close();
  }
});

Deno.test("serveHttp1() strips hop-by-hop fields in both directions", async () => {
  const { peer, connection, requests } = serve(() =>
    Promise.resolve(respond("x", ["connection", "x-a", "keep-alive", "1", "upgrade", "h2c", "x-b", "2"]))
  );
  peer.send(
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, x-drop, authorization\r\nupgrade: h2c\r\nkeep-alive: 1\r\n" +
      "te: trailers\r\nproxy-connection: x\r\nx-drop: 1\r\nauthorization: t\r\nx-keep: 1\r\n\r\n",
  );
  await peer.untilText("\r\n\r\nx");
  assert.deepEqual(requests[0]!.headers.pairs, ["authorization", "t", "x-keep", "1"]);
  assert.equal(peer.text, "HTTP/1.1 200 OK\r\nx-b: 2\r\ncontent-length: 1\r\n\r\nx");
  connection.close();
});

Deno.test("serveHttp1() takes authority and scheme of an absolute target instead of host", async () => {
  const { peer, connection, requests } = serve(() => Promise.resolve(respond("x")));
  peer.send("GET https://real:1/p?q HTTP/1.1\r\nhost: other\r\n\r\n");
  await peer.untilText("\r\n\r\nx");
  const { authority, scheme, path } = requests[0]!;
  assert.deepEqual({ authority, scheme, path }, { authority: "real:1", scheme: "https", path: "/p?q" });
  connection.close();
});

Deno.test("serveHttp1() sends 100 Continue when the content is first read", async () => {
  let go!: () => void;
  const gate = new Promise<void>((resolve) => go = resolve);
  const { peer, connection } = serve(async (request) => {
    await gate;
    return await echo(request, null!);
  });
  peer.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
  await settle();
  assert.equal(peer.text, "");
  go();
  await peer.untilText("HTTP/1.1 100 Continue\r\n\r\n");
  peer.text = "";
  peer.send("abc");
  await peer.untilText("abc");
  assert.equal(peer.text, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc");
  connection.close();
});

Deno.test("serveHttp1() closes when it answers without ever asking for expected content", async () => {
  const { peer } = serve(() => Promise.resolve(respond("no", [], 403)));
  peer.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
  await peer.untilEnd();
  assert.equal(peer.text, "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
});

Deno.test("serveHttp1() sends no 100 Continue when the content is already there", async () => {
  const { peer, connection } = serve(echo);
  peer.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc");
  await peer.untilText("abc");
  assert.doesNotMatch(peer.text, /100/);
  connection.close();
});

Deno.test("serveHttp1() stops a client that sends faster than the handler reads", async () => {
  let body!: Body;
  const { peer, connection } = serve((request) => {
    body = request.body!;
    return new Promise(() => {});
  }, { limits: { bodyHighWaterMark: 1000 }, pair: { maxChunk: 100 } });
  peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + "x".repeat(100_000));
  await settle();
  const held = (body as unknown as { buffered: number }).buffered;
  assert.ok(held > 1000 && held <= 1100, `held ${held}`);
  let read = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) read += chunk.length;
  assert.equal(read, 100_000);
  connection.close();
});

Deno.test("serveHttp1() stops a body whose client does not read", async () => {
  let produced = 0;
  const body: Body = {
    length: null,
    trailers: null,
    whole: () => null,
    read: () => Promise.resolve(produced++ < 1000 ? new Uint8Array(1000) : null),
    cancel: () => {},
  };
  const { peer, connection } = serve(() => Promise.resolve({ status: 200, headers: new HeaderList(), body }), {
    pair: { highWaterMark: 10_000 },
  });
  peer.pause();
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await settle(20);
  assert.ok(produced < 20, `produced ${produced}`);
  peer.resume();
  await peer.untilText("\r\n0\r\n\r\n");
  connection.close();
});

Deno.test("serveHttp1() discards content nobody reads and goes on", async () => {
  const { peer, connection, requests } = serve(() => Promise.resolve(respond("done")));
  peer.send("POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n" + "x".repeat(10));
  await peer.untilText("done");
  peer.text = "";
  peer.send("x".repeat(990) + "GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
  await peer.untilText("done");
  assert.deepEqual(requests.map((request) => request.path), ["/1", "/2"]);
  connection.close();
});

Deno.test("serveHttp1() closes when too much content is left unread", async () => {
  const { peer } = serve(() => Promise.resolve(respond("done")), { limits: { maxDiscardBytes: 1000 } });
  peer.send("POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n" + "x".repeat(10));
  await peer.untilText("done");
  peer.send("x".repeat(4000));
  await peer.untilEnd();
});

Deno.test("serveHttp1() ends quietly when the last bytes of unread content exceed what it discards", async () => {
  const { peer, connection, exchanges } = serve(() => Promise.resolve(respond("done")), {
    limits: { maxDiscardBytes: 1000 },
  });
  peer.send("POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 1010\r\n\r\n" + "x".repeat(9));
  await peer.untilText("done");
  peer.send("x".repeat(1001));
  await connection.closed;
  assert.equal(peer.error, null);
  assert.ok(exchanges[0]!.completed && !exchanges[0]!.cancelled);
});

Deno.test("serveHttp1() breaks the connection when content is shorter or longer than its length", async () => {
  for (const content of [["ab"], ["abcdef"]]) {
    const { peer, exchanges } = serve(() =>
      Promise.resolve({ status: 200, headers: new HeaderList(), body: pieces(content, 4) })
    );
    peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await peer.until(() => peer.closed);
    assert.ok(exchanges[0]!.cancelled);
    assert.doesNotMatch(peer.text, /abcdef/);
  }
});

Deno.test("serveHttp1() keeps to a content-length header for content of unknown length", async () => {
  const { peer, connection } = serve(() =>
    Promise.resolve({ status: 200, headers: new HeaderList(["content-length", "3"]), body: pieces(["ab", "c"]) })
  );
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await peer.untilText("abc");
  assert.equal(peer.text, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc");
  connection.close();
});

Deno.test("serveHttp1() answers 500 when the handler fails or its response cannot be sent", async () => {
  const handlers: HttpServerHandler[] = [
    () => Promise.reject(new Error("Boom")),
    () => {
      throw new Error("Boom");
    },
    () => Promise.resolve(respond("x", [], 99)),
    () => Promise.resolve(respond("x", ["x-a", "a\r\nset-cookie: evil"])),
    () => Promise.resolve(respond("x", ["bad name", "1"])),
  ];
  for (const handler of handlers) {
    const { peer, connection } = serve(handler);
    peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await peer.untilText("\r\n\r\n");
    assert.equal(peer.text, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");
    connection.close();
  }
});

Deno.test("serveHttp1() sends header bytes beyond ASCII as they are", async () => {
  const { peer, connection, requests } = serve((request) =>
    Promise.resolve(respond("x", ["x-echo", request.headers.get("x-in")!]))
  );
  peer.send("GET / HTTP/1.1\r\nhost: a\r\nx-in: caf\xe9\xff\r\n\r\n");
  await peer.untilText("\r\n\r\nx");
  assert.equal(requests[0]!.headers.get("x-in"), "caf\xe9\xff");
  assert.match(peer.text, /x-echo: caf\xe9\xff\r\n/);
  connection.close();
});

Deno.test("serveHttp1() tells the handler when the client goes", async () => {
  for (const leave of ["end", "destroy"] as const) {
    const { peer, connection, exchanges } = serve(() => new Promise(() => {}));
    peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await peer.until(() => exchanges.length === 1);
    const { signal } = exchanges[0]!;
    peer[leave]();
    await connection.closed;
    assert.ok(signal.aborted);
    assert.equal((signal.reason as { code: string }).code, "DOWNSTREAM_CONNECTION_TERMINATION");
    assert.ok(exchanges[0]!.completed);
  }
});

Deno.test("serveHttp1() fails the reader of content that is cut off", async () => {
  const { peer, connection, requests } = serve(() => new Promise(() => {}));
  peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
  await peer.until(() => requests.length === 1);
  peer.end();
  await connection.closed;
  assert.equal(new TextDecoder().decode((await requests[0]!.body!.read())!), "abc");
  await assert.rejects(requests[0]!.body!.read(), { code: "DOWNSTREAM_CONNECTION_TERMINATION" });
});

Deno.test("serveHttp1() closes the connection when an exchange is cancelled", async () => {
  const { peer, connection, exchanges } = serve((_request, exchange) => {
    exchange.cancel(new Error("Enough"));
    return new Promise(() => {});
  });
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await connection.closed;
  assert.ok(exchanges[0]!.completed);
  assert.equal(peer.text, "");
});

Deno.test("serveHttp1() drains: the request under way is answered with close, then the connection ends", async () => {
  const { peer, connection } = serve(async () => {
    connection.drain();
    await settle();
    return respond("last");
  });
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await connection.closed;
  assert.match(peer.text, /connection: close\r\n\r\nlast$/);
  const idle = serve(echo);
  idle.connection.drain();
  await idle.connection.closed;
});

Deno.test("serveHttp1() retires: an idle connection waits for one more request and ends with its answer", async () => {
  const { peer, connection } = serve(() => Promise.resolve(respond("last")));
  connection.retire();
  await settle();
  assert.equal(peer.ended, false);
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await connection.closed;
  assert.match(peer.text, /connection: close\r\n\r\nlast$/);
});

Deno.test("serveHttp1() answers 408 to a head that does not end and closes an idle connection silently", async () => {
  const slow = serve(echo, { limits: { headTimeoutMs: 1000 } });
  slow.peer.send("GET / HTTP/1.1\r\nhost:");
  await settle();
  for (let i = 0; i < 4; i++) {
    await slow.clock.advance(240);
    slow.peer.send("x");
    await settle();
  }
  assert.equal(slow.peer.ended, false);
  await slow.clock.advance(600);
  await slow.peer.untilEnd();
  assert.match(slow.peer.text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  assert.deepEqual(slow.malformed, [408]);

  const idle = serve(echo, { limits: { idleTimeoutMs: 1000 } });
  idle.peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await idle.peer.untilText("\r\n\r\n");
  idle.peer.text = "";
  await idle.clock.advance(900);
  assert.equal(idle.peer.ended, false);
  await idle.clock.advance(600);
  await idle.peer.untilEnd();
  assert.equal(idle.peer.text, "");
});

Deno.test("serveHttp1() gives up content that stalls, and a client that takes no bytes", async () => {
  const upload = serve(echo, { limits: { stallTimeoutMs: 1000 } });
  upload.peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
  await upload.peer.until(() => upload.requests.length === 1);
  await upload.clock.advance(1500);
  await upload.connection.closed.then(() => {}, () => {});
  assert.match(upload.peer.text, /^HTTP\/1\.1 408 /);
  assert.ok(upload.exchanges[0]!.cancelled);

  const download = serve(
    () => Promise.resolve({ status: 200, headers: new HeaderList(), body: pieces(Array(100).fill("x".repeat(1000))) }),
    { limits: { stallTimeoutMs: 1000 }, pair: { highWaterMark: 5000 } },
  );
  download.peer.pause();
  download.peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await settle();
  await download.clock.advance(1500);
  await download.connection.closed;
});

Deno.test("serveHttp1() leaves no timer behind", async () => {
  const { peer, connection, clock } = serve(echo);
  peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await peer.untilText("\r\n\r\n");
  assert.equal(clock.pendingTimers, 1);
  connection.close();
  await connection.closed;
  assert.equal(clock.pendingTimers, 0);
});
