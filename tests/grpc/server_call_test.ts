/** What goes over the wire: calls of a raw HTTP/2 client on a stream in memory. */
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { GrpcServer, type GrpcServerOptions } from "../../lib/grpc/server.ts";
import type { GrpcServerCall } from "../../lib/grpc/server_call.ts";
import { GrpcStatusError } from "../../lib/grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../lib/grpc/status.ts";
import { type Body, BytesBody, readAll } from "../../lib/http/body.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { connectHttp2 } from "../../lib/http/http2/client_connection.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { connectHttp1 } from "../../lib/http/http1/client_connection.ts";
import { serveHttp1 } from "../../lib/http/http1/server_connection.ts";
import { GrpcMessageWriter } from "../../lib/grpc/message_writer.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { LogBook } from "../support/mesh_rig.ts";
import { streamPair } from "../support/stream_pair.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes!);

interface Asked {
  headers?: string[];
  body?: Body | null;
  method?: string;
  protocol?: "HTTP/1.1" | "HTTP/2";
  exchange?: Exchange;
}

interface Rig {
  readonly clock: FakeClock;
  readonly log: LogBook;
  ask(asked?: Asked): Promise<{ status: number; headers: HeaderList; body: Uint8Array; trailers: HeaderList }>;
}

/** Serves one method and lets `test` call it. */
async function withMethod(
  handler: (call: GrpcServerCall) => void,
  test: (rig: Rig) => Promise<void>,
  options: Partial<GrpcServerOptions> = {},
): Promise<void> {
  const clock = new FakeClock();
  const log = new LogBook();
  const server = new GrpcServer({ clock, logger: log, ...options });
  server.handle("/test.Echo/Call", handler);
  const closers: (() => void)[] = [];
  const connections = new Map<string, ReturnType<typeof connectHttp2>>();
  const connect = (protocol: "HTTP/1.1" | "HTTP/2") => {
    const [ours, theirs] = streamPair();
    const [serve, connect] = protocol === "HTTP/2" ? [serveHttp2, connectHttp2] : [serveHttp1, connectHttp1];
    serve(ours, server.handler, { clock, logger: silentLogger });
    const client = connect(theirs, { clock, logger: silentLogger });
    closers.push(() => client.close());
    return client;
  };
  try {
    await test({
      clock,
      log,
      async ask({ headers = [], body = null, method = "POST", protocol = "HTTP/2", exchange = new Exchange() } = {}) {
        let connection = connections.get(protocol);
        if (connection === undefined) connections.set(protocol, connection = connect(protocol));
        const response = await connection.send({
          method,
          scheme: "http",
          authority: "test",
          path: "/test.Echo/Call",
          headers: new HeaderList(
            headers.includes("content-type") ? headers : ["content-type", "application/grpc", ...headers],
          ),
          body,
          protocol,
        }, exchange);
        const content = await readAll(response.body);
        return {
          status: response.status,
          headers: response.headers,
          body: content!,
          trailers: response.body?.trailers ?? response.headers,
        };
      },
    });
  } finally {
    for (const close of closers) close();
  }
}

const echo = (call: GrpcServerCall) => call.receiveOne((message) => call.reply(message));

Deno.test("a unary answer is a head, one message and a status", async () => {
  await withMethod(echo, async ({ ask }) => {
    const { status, headers, body, trailers } = await ask({ body: new BytesBody(frameMessage(bytes("hello"))) });
    assert.equal(status, 200);
    assert.deepEqual(headers.pairs, ["content-type", "application/grpc"]);
    assert.deepEqual(body, frameMessage(bytes("hello")));
    assert.deepEqual(trailers.pairs, ["grpc-status", "0"]);
  });
});

Deno.test("a request that comes in pieces is answered once it is whole", async () => {
  await withMethod(echo, async ({ ask }) => {
    const writer = new GrpcMessageWriter();
    const answer = ask({ body: writer.body });
    await writer.write(bytes("late"));
    writer.end();
    assert.deepEqual((await answer).body, frameMessage(bytes("late")));
  });
});

Deno.test("none or several messages are no unary request", async () => {
  await withMethod(echo, async ({ ask }) => {
    const none = await ask();
    assert.equal(none.trailers.get("grpc-status"), "12");
    assert.match(none.trailers.get("grpc-message")!, /^Received no request message/);
    const two = await ask({
      body: new BytesBody(new Uint8Array([...frameMessage(bytes("a")), ...frameMessage(bytes("b"))])),
    });
    assert.equal(two.trailers.get("grpc-status"), "12");
    assert.match(two.trailers.get("grpc-message")!, /^Received a second request message/);
    const cut = await ask({ body: new BytesBody(new Uint8Array([0, 0, 0, 0, 9, 1])) });
    assert.equal(cut.trailers.get("grpc-status"), "13");
    const flag = await ask({ body: new BytesBody(new Uint8Array([7, 0, 0, 0, 0])) });
    assert.equal(flag.trailers.get("grpc-status"), "13");
  });
});

Deno.test("an early end is a response of one head", async () => {
  await withMethod((call) => {
    call.trailers.append("x-trailer", "t");
    call.finish(new GrpcStatusError(GrpcStatus.NOT_FOUND, "nö"));
    call.reply(bytes("ignored"));
    call.finish();
  }, async ({ ask }) => {
    const { headers, body } = await ask({ body: new BytesBody(frameMessage(bytes("x"))) });
    assert.equal(body.length, 0);
    assert.deepEqual(headers.pairs, [
      ...["content-type", "application/grpc", "grpc-status", "5", "grpc-message", "n%C3%B6", "x-trailer", "t"],
    ]);
  });
});

Deno.test("a head that was sent before, messages, and a status after them", async () => {
  await withMethod((call) => {
    call.responseMetadata.append("x-head", "h");
    call.sendHeaders();
    call.sendHeaders();
    call.post(bytes("one"));
    call.reply(bytes("two"));
  }, async ({ ask }) => {
    const { headers, body, trailers } = await ask();
    assert.equal(headers.get("x-head"), "h");
    assert.deepEqual([...body], [...frameMessage(bytes("one")), ...frameMessage(bytes("two"))]);
    assert.equal(trailers.get("grpc-status"), "0");
  });
});

Deno.test("what is no gRPC request is told so in HTTP", async () => {
  await withMethod(echo, async ({ ask }) => {
    const json = await ask({ headers: ["content-type", "application/json"] });
    assert.equal(json.status, 415);
    assert.match(text(json.body), /application\/grpc, it is 'application\/json'/);
    assert.equal((await ask({ headers: ["content-type", "application/grpc-web"] })).status, 415);
    const get = await ask({ method: "GET" });
    assert.equal(get.status, 405);
    assert.equal(get.headers.get("allow"), "POST");
    assert.equal(
      (await ask({ headers: ["content-type", "application/grpc+proto"], body: new BytesBody(frameMessage(bytes(""))) }))
        .status,
      200,
    );
    const old = await ask({ protocol: "HTTP/1.1", body: new BytesBody(frameMessage(bytes("x"))) });
    assert.equal(old.status, 505);
    assert.match(text(old.body), /gRPC needs HTTP\/2/);
    assert.equal((await ask({ protocol: "HTTP/1.1", headers: ["content-type", "text/plain"] })).status, 415);
  });
});

Deno.test("messages are packed where both sides agree, unless that makes them longer", async () => {
  const long = bytes("abc".repeat(1000));
  const accepting = ["grpc-accept-encoding", "identity, gzip,deflate"];
  await withMethod(echo, async ({ ask }) => {
    const packed = await ask({ headers: accepting, body: new BytesBody(frameMessage(long)) });
    assert.equal(packed.headers.get("grpc-encoding"), "gzip");
    assert.equal(packed.body[0], 1);
    assert.deepEqual(new Uint8Array(gunzipSync(packed.body.subarray(5))), long);
    const short = await ask({ headers: accepting, body: new BytesBody(frameMessage(bytes("a"))) });
    assert.deepEqual(short.body, frameMessage(bytes("a")));
    const unasked = await ask({ body: new BytesBody(frameMessage(long)) });
    assert.equal(unasked.headers.get("grpc-encoding"), undefined);
    assert.deepEqual(unasked.body, frameMessage(long));
  }, { gzip: true });
  await withMethod(echo, async ({ ask }) => {
    const body = () => new BytesBody(frameMessage(gzipSync(long), true));
    const read = await ask({ headers: ["grpc-encoding", "gzip", ...accepting], body: body() });
    assert.deepEqual(read.body, frameMessage(long));
    const unnamed = await ask({ body: body() });
    assert.equal(unnamed.trailers.get("grpc-status"), "13", "a packed message needs an encoding");
  });
});

Deno.test("an encoding nobody knows is UNIMPLEMENTED, with the ones that are known", async () => {
  await withMethod(echo, async ({ ask }) => {
    const { headers } = await ask({
      headers: ["grpc-encoding", "zstd"],
      body: new BytesBody(frameMessage(bytes("x"))),
    });
    assert.equal(headers.get("grpc-status"), "12");
    assert.equal(headers.get("grpc-accept-encoding"), "identity,gzip");
  });
});

Deno.test("a deadline that passes ends the call, before and after its head", async () => {
  const reasons: unknown[] = [];
  let begun = Promise.withResolvers<GrpcServerCall>();
  await withMethod((call) => {
    call.onCancel((reason) => reasons.push((reason as GrpcStatusError).status));
    if (call.metadata.has("x-head")) call.sendHeaders();
    begun.resolve(call);
  }, async ({ ask, clock }) => {
    for (const headers of [[], ["x-head", "1"]]) {
      const answer = ask({ headers: ["grpc-timeout", "5S", ...headers] });
      const call = await begun.promise;
      begun = Promise.withResolvers();
      assert.equal(call.deadline, clock.now() + 5000);
      await clock.advance(5000);
      assert.equal((await answer).trailers.get("grpc-status"), "4");
      assert.equal(call.signal.aborted, true);
    }
  });
  assert.deepEqual(reasons, [GrpcStatus.DEADLINE_EXCEEDED, GrpcStatus.DEADLINE_EXCEEDED]);
});

Deno.test("a client that gives up ends the call; a listener that throws is logged", async () => {
  const begun = Promise.withResolvers<GrpcServerCall>();
  await withMethod(begun.resolve, async ({ ask, log }) => {
    const exchange = new Exchange();
    const answer = ask({ exchange });
    const call = await begun.promise;
    const told = Promise.withResolvers<void>();
    call.onCancel(() => {
      throw new Error("Listener");
    });
    call.onCancel(() => told.resolve());
    exchange.cancel(new Error("Given up"));
    await assert.rejects(answer, /Given up/);
    await told.promise;
    assert.equal(call.over, true);
    await assert.rejects(call.send(bytes("x")));
    assert.match(String(log), /failed when it was cancelled/);
    let late = false;
    call.onCancel(() => late = true);
    assert.equal(late, true);
  });
});

Deno.test("a method that throws is logged, and its client told nothing of why", async () => {
  await withMethod(() => {
    throw new Error("Secret");
  }, async ({ ask, log }) => {
    const { headers } = await ask();
    assert.equal(headers.get("grpc-status"), "2");
    assert.equal(headers.get("grpc-message"), "Handler failed");
    assert.match(String(log), /handler failed/);
  });
});
