/** Calls of grpc-js's own client on a channel whose transport is in memory. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { MeshError } from "../../lib/errors.ts";
import type { GrpcJsCall } from "../../lib/grpc/client_call.ts";
import type { GrpcClientCall } from "../../lib/grpc/client_call.ts";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { BytesBody, readAll } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { Http2StreamReset } from "../../lib/http/http2/stream_reset.ts";
import { raw, unary } from "../support/grpc_rig.ts";
import { fakeChannel, grpcResponse, openBody, response } from "./fake_transport.ts";

const text = (value: string) => new TextEncoder().encode(value);
const PATH = "/pkg.Service/Method";
/** grpc-js does not export its write flags. */
const NO_COMPRESS = 2;

/** Resolves once the microtasks under way have run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

// The type check is the test: the whole of grpc-js's call, and nothing of it as `any`.
type IsExactly<A, B> = [A] extends [B] ? true : false;
const satisfies: IsExactly<GrpcClientCall, ReturnType<grpc.ChannelInterface["createCall"]>> = true;
const names: Record<keyof GrpcJsCall, true> = {
  start: true,
  sendMessageWithContext: true,
  startRead: true,
  halfClose: true,
  cancelWithStatus: true,
  getPeer: true,
  getCallNumber: true,
  setCredentials: true,
  getAuthContext: true,
};

Deno.test("the call object is that of grpc-js", () => {
  assert.ok(satisfies);
  const call = fakeChannel(() => grpcResponse([])).channel.createCall(PATH, Infinity, null, null, null);
  for (const name of Object.keys(names)) assert.equal(typeof call[name as keyof GrpcJsCall], "function");
});

Deno.test("a unary call is one request with its message as bytes", async () => {
  const { transport, client, channel } = fakeChannel(() => grpcResponse([text("reply")]), {
    "grpc.primary_user_agent": "app/1",
    "grpc.secondary_user_agent": "(x)",
    "grpc.unheard_of": 7,
  });
  const { reply, error, status } = await unary(client, PATH, "request");
  assert.equal(error, null);
  assert.ok(Buffer.isBuffer(reply));
  assert.equal(String(reply), "reply");
  assert.equal(status.code, grpc.status.OK);
  const { request } = transport.sent[0]!;
  assert.deepEqual(
    { ...request, headers: request.headers.pairs, body: null },
    {
      method: "POST",
      scheme: "http",
      authority: "echo.default:50051",
      path: PATH,
      headers: [
        ...["content-type", "application/grpc", "te", "trailers", "user-agent", "app/1 grpc-enmesh/0.1 (x)"],
        ...["grpc-accept-encoding", "identity,gzip"],
      ],
      body: null,
      protocol: "HTTP/2",
    },
  );
  assert.deepEqual(request.body!.whole(), frameMessage(text("request")));
  assert.equal(transport.sent.length, 1);
  channel.close();
});

Deno.test("metadata goes both ways: binary values, repeated keys, and none of the reserved", async () => {
  const { transport, client } = fakeChannel(() => ({
    ...grpcResponse([text("reply")], ["grpc-status", "0", "x-t", "1", "x-t", "2", "x-t-bin", "AQI=,Aw"]),
    headers: new HeaderList(["content-type", "application/grpc", "x-h", "é", "x-h-bin", "AA=="]),
  }));
  const metadata = new grpc.Metadata();
  metadata.add("X-A", "1");
  metadata.add("x-a", "2");
  metadata.set("x-b-bin", Buffer.from([255, 0]));
  metadata.set("user-agent", "forged");
  metadata.set("grpc-timeout", "1n");
  metadata.set("connection", "close");
  metadata.set("te", "gzip");
  metadata.set("host", "elsewhere");
  const { head, status } = await unary(client, PATH, "", { metadata });
  const { headers } = transport.sent[0]!.request;
  assert.deepEqual(headers.pairs.slice(8), ["x-a", "1", "x-a", "2", "x-b-bin", "/wA="]);
  assert.ok(head instanceof grpc.Metadata);
  assert.deepEqual(head.get("x-h"), [], "what an application could not set is left out");
  assert.deepEqual(head.get("x-h-bin"), [Buffer.from([0])]);
  assert.deepEqual(status.metadata.getMap(), { "x-t": "1", "x-t-bin": Buffer.from([1, 2]) });
  assert.deepEqual(status.metadata.get("x-t-bin"), [Buffer.from([1, 2]), Buffer.from([3])]);
  const merged = new grpc.Metadata();
  merged.merge(status.metadata);
  assert.deepEqual(merged.get("x-t"), ["1", "2"]);
});

Deno.test("a deadline is told to the server and ends the call here", async () => {
  const { transport, client, clock } = fakeChannel(() => new Promise(() => {}));
  const call = unary(client, PATH, "", { deadline: clock.now() + 1500 });
  await turn();
  const { request, call: sent } = transport.sent[0]!;
  assert.equal(request.headers.get("grpc-timeout"), "1500m");
  await clock.advance(1499);
  assert.equal(sent.exchange.cancelled, false);
  await clock.advance(1);
  const { status } = await call;
  assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
  assert.equal(status.details, "Deadline exceeded after 1.500s");
  assert.equal(sent.exchange.cancelled, true);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("what a server or a proxy makes of the deadline before our timer fires is DEADLINE_EXCEEDED", async () => {
  for (
    const [code, expected] of [
      [grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED],
      [grpc.status.CANCELLED, grpc.status.DEADLINE_EXCEEDED],
      [grpc.status.NOT_FOUND, grpc.status.NOT_FOUND],
    ] as const
  ) {
    const { client, clock } = fakeChannel(() => {
      const late = clock.now() + 1000;
      clock.now = () => late;
      return response(null, ["grpc-status", String(code)]);
    });
    const { status } = await unary(client, PATH, "", { deadline: clock.now() + 1000 });
    assert.equal(status.code, expected);
  }
});

Deno.test("a deadline in the past sends nothing", async () => {
  const { transport, client, clock } = fakeChannel(() => grpcResponse([]));
  const { status } = await unary(client, PATH, "", { deadline: clock.now() - 1 });
  assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
  assert.equal(transport.sent.length, 0);
});

Deno.test("a call is cancelled before it is sent, while it waits, and by a signal", async () => {
  const { transport, client } = fakeChannel(() => new Promise(() => {}));
  const code = (start: (call: grpc.ClientUnaryCall) => void) =>
    new Promise<number | undefined>((resolve) => {
      const metadata = new grpc.Metadata();
      const call = client.makeUnaryRequest(PATH, raw.serialize, raw.deserialize, Buffer.alloc(0), metadata, (error) => {
        resolve(error?.code);
      });
      start(call);
    });
  assert.equal(await code((call) => call.cancel()), grpc.status.CANCELLED);
  assert.equal(transport.sent.length, 0);
  const controller = new AbortController();
  const aborted = code((call) => controller.signal.addEventListener("abort", () => call.cancel()));
  await turn();
  controller.abort();
  assert.equal(await aborted, grpc.status.CANCELLED);
  assert.equal(transport.sent[0]!.call.exchange.cancelled, true);
});

Deno.test("a parent's deadline and cancellation hold for the call", async () => {
  const { EventEmitter } = await import("node:events");
  const { transport, channel, client, clock } = fakeChannel(() => new Promise(() => {}));
  const deadline = clock.now() + 700;
  const parent = Object.assign(new EventEmitter(), { cancelled: false, getDeadline: () => deadline });
  const options = { parent: parent as unknown as grpc.ServerUnaryCall<unknown, unknown> };
  const call = unary(client, PATH, "", options);
  await turn();
  assert.equal(transport.sent[0]!.request.headers.get("grpc-timeout"), "700m");
  parent.emit("cancelled");
  assert.equal((await call).status.code, grpc.status.CANCELLED);
  assert.equal(parent.listenerCount("cancelled"), 0);
  const alone = unary(client, PATH, "", { ...options, propagate_flags: 0 });
  await turn();
  assert.equal(transport.sent[1]!.request.headers.has("grpc-timeout"), false);
  assert.equal(parent.listenerCount("cancelled"), 0);
  transport.sent[1]!.call.exchange.cancel(new MeshError("MESH_CLOSED", "Cannot finish the request"));
  assert.equal((await alone).status.code, grpc.status.UNAVAILABLE);
  parent.cancelled = true;
  assert.equal((await unary(client, PATH, "", options)).status.code, grpc.status.CANCELLED);
  channel.close();
});

Deno.test("statuses: trailers only, plain HTTP, none at all, broken streams, broken framing", async () => {
  const plain = (status: number, type: string, body: string) => ({
    status,
    headers: new HeaderList(["content-type", type]),
    body: new BytesBody(text(body)),
  });
  const failing = (error: unknown) => {
    const { body } = openBody();
    body.fail(error);
    return response(body);
  };
  const reset = (code: number) =>
    failing(new MeshError("UPSTREAM_REMOTE_RESET", "Peer reset", { cause: new Http2StreamReset(code) }));
  const framed = (bytes: number[]) =>
    response(new BytesBody(new Uint8Array(bytes), new HeaderList(["grpc-status", "0"])));
  const { transport, client } = fakeChannel(() => grpcResponse([]), { "grpc.max_receive_message_length": 10 });
  const { status: code } = grpc;
  // deno-fmt-ignore
  const cases = [
    [response(null, ["grpc-status", "5", "grpc-message", "no %C3%A4pfel"]), code.NOT_FOUND, "no äpfel"],
    [response(new BytesBody(new Uint8Array(0)), ["grpc-status", "7"]), code.PERMISSION_DENIED, ""],
    [plain(503, "text/plain", "no healthy upstream"), code.UNAVAILABLE, "Received HTTP status code 503: no healthy upstream"],
    [plain(404, "image/png", "\0"), code.UNIMPLEMENTED, "Received HTTP status code 404"],
    [plain(418, "text/html", "x".repeat(2000)), code.UNKNOWN, `Received HTTP status code 418: ${"x".repeat(1024)}…`],
    [plain(200, "text/html", "<p>"), code.UNKNOWN, "Received 'text/html' instead of gRPC: <p>"],
    [response(null), code.UNKNOWN, "The response ended without grpc-status"],
    [grpcResponse([text("x")], []), code.UNKNOWN, "The response ended without grpc-status"],
    [grpcResponse([text("x")], ["grpc-status", "?"]), code.UNKNOWN, ""],
    [failing(new MeshError("UPSTREAM_CONNECTION_TERMINATION", "Lost")), code.UNAVAILABLE, "Lost"],
    [failing(new MeshError("UPSTREAM_PROTOCOL_ERROR", "Wrong")), code.INTERNAL, "Wrong"],
    [failing(new Error("Odd")), code.UNKNOWN, "Odd"],
    [reset(0x8), code.CANCELLED, "Peer reset"],
    [reset(0x7), code.UNAVAILABLE, "Peer reset"],
    [reset(0xb), code.RESOURCE_EXHAUSTED, "Peer reset"],
    [reset(0xc), code.PERMISSION_DENIED, "Peer reset"],
    [reset(0x2), code.INTERNAL, "Peer reset"],
    [framed([2, 0, 0, 0, 0]), code.INTERNAL, "Message has the unknown flag 2"],
    [framed([1, 0, 0, 0, 0]), code.INTERNAL, "Message is compressed without an encoding"],
    [framed([0, 0, 0, 0, 9, 1]), code.INTERNAL, "Message is cut off"],
    [framed([0, 0, 0, 0, 11]), code.RESOURCE_EXHAUSTED, "Received message is larger than allowed: 11 bytes, limit 10"],
  ] as const;
  for (const [answer, expected, details] of cases) {
    transport.answer = () => answer;
    const { status } = await unary(client, PATH, "");
    assert.deepEqual([status.code, status.details], [expected, details]);
  }
});

Deno.test("a message above the limit is not sent", async () => {
  const { transport, client } = fakeChannel(() => grpcResponse([text("")]), { "grpc.max_send_message_length": 3 });
  const { status } = await unary(client, PATH, "four");
  assert.equal(status.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(status.details, /4 bytes.*3 \(grpc.max_send_message_length\)/);
  assert.equal(transport.sent.length, 0);
  assert.equal((await unary(client, PATH, "one")).error, null);
});

Deno.test("messages are packed, large ones in their order, and not where the caller says so", async () => {
  const bodies: Uint8Array[] = [];
  const { client } = fakeChannel(async (request) => {
    assert.equal(request.headers.get("grpc-encoding"), "gzip");
    bodies.push((await readAll(request.body))!);
    const packed = frameMessage(gzipSync(text("packed reply")), true);
    return response(new BytesBody(packed, new HeaderList(["grpc-status", "0"])), ["grpc-encoding", "gzip"]);
  }, { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip });
  const first = Buffer.alloc(100_000, "large");
  const reply = await new Promise<Buffer | undefined>((resolve, reject) => {
    const call = client.makeClientStreamRequest(PATH, raw.serialize, raw.deserialize, (error, reply) => {
      if (error === null) resolve(reply);
      else reject(error);
    });
    call.write(first);
    call.write(Buffer.from("plain"), NO_COMPRESS);
    call.write(Buffer.from("small"));
    call.end();
  });
  assert.equal(String(reply), "packed reply");
  const messages: string[] = [];
  for (let at = 0; at < bodies[0]!.length;) {
    const view = new DataView(bodies[0]!.buffer, bodies[0]!.byteOffset);
    const length = view.getUint32(at + 1);
    const message = bodies[0]!.subarray(at + 5, at + 5 + length);
    messages.push(
      bodies[0]![at] === 1 ? `packed ${gunzipSync(message)}` : `as it is ${new TextDecoder().decode(message)}`,
    );
    at += 5 + length;
  }
  assert.deepEqual(messages, [`packed ${first}`, "as it is plain", "packed small"]);
  assert.equal(String((await unary(client, PATH, first)).reply), "packed reply");
  assert.equal(bodies[1]![0], 1);
});

Deno.test("messages are handed out one for each read; the end shows without one", async () => {
  const { body, cancelled } = openBody();
  const { channel } = fakeChannel(() => response(body));
  const call = channel.createCall(PATH, Infinity, null, null, null);
  const events: string[] = [];
  call.start(new grpc.Metadata(), {
    onReceiveMetadata: () => events.push("metadata"),
    onReceiveMessage: (message) => events.push(String(message)),
    onReceiveStatus: ({ code }) => events.push(`status ${code}`),
  });
  call.halfClose();
  await turn();
  for (const one of ["a", "b", "c"]) body.push(frameMessage(text(one)));
  body.end(new HeaderList(["grpc-status", "0"]));
  await turn();
  assert.deepEqual(events, ["metadata"]);
  call.startRead();
  assert.deepEqual(events, ["metadata"], "nothing from within startRead");
  await turn();
  assert.deepEqual(events, ["metadata", "a"]);
  call.startRead();
  call.startRead();
  await turn();
  assert.deepEqual(events, ["metadata", "a", "b", "c", "status 0"]);
  assert.equal(cancelled(), false);
});

Deno.test("a client that may not send more waits", async () => {
  let taken: Uint8Array | null = null;
  const { transport, channel } = fakeChannel(() => new Promise(() => {}));
  const call = channel.createCall(PATH, Infinity, null, null, null);
  call.start(new grpc.Metadata(), {
    onReceiveMetadata: () => {},
    onReceiveMessage: () => {},
    onReceiveStatus: () => {},
  });
  let room = 0;
  const write = () => call.sendMessageWithContext({ callback: () => room++ }, Buffer.alloc(40_000));
  write();
  await turn();
  assert.equal(room, 1);
  write();
  await turn();
  assert.equal(room, 1, "80 kB wait");
  taken = await transport.sent[0]!.request.body!.read();
  await turn();
  assert.equal(taken?.length, 40_005);
  assert.equal(room, 2);
  write();
  call.cancelWithStatus(grpc.status.CANCELLED, "Enough");
  await turn();
  assert.equal(room, 3, "no one waits for a call that is over");
});

Deno.test("waitForReady tries again while the mesh has no server, whatever was written meanwhile", async () => {
  let tries = 0;
  const { transport, client, clock, channel } = fakeChannel(async (request, call) => {
    if (++tries < 4) {
      call.addFlag(["NR", "UH", "UF"][tries - 1]!);
      request.body?.cancel();
      return response(null, ["grpc-status", "14"]);
    }
    return grpcResponse([(await readAll(request.body))!]);
  });
  const metadata = new grpc.Metadata({ waitForReady: true });
  const reply = new Promise<Buffer | undefined>((resolve, reject) => {
    const call = client.makeClientStreamRequest(PATH, raw.serialize, raw.deserialize, metadata, (error, reply) => {
      if (error === null) resolve(reply);
      else reject(error);
    });
    call.write(Buffer.from("one"));
    setImmediate(() => call.end(Buffer.from("two")));
  });
  await turn();
  assert.equal(clock.nextTimerMs, 80);
  assert.equal(tries, 1);
  await clock.advance(1000);
  assert.equal(tries, 4);
  assert.deepEqual([...(await reply)!], [...frameMessage(text("one")), ...frameMessage(text("two"))]);
  assert.equal(transport.listeners, 0);

  // Without it the first answer counts; with it a deadline ends the wait, and so do both ends of the channel's life.
  const refuse = transport.answer = (_request, call) => {
    call.addFlag("UH");
    return response(null, ["grpc-status", "14", "grpc-message", "no endpoint"]);
  };
  assert.equal((await unary(client, PATH, "")).status.details, "no endpoint");
  const late = unary(client, PATH, "", { metadata, deadline: clock.now() + 300 });
  await turn();
  await clock.advance(300);
  assert.equal((await late).status.code, grpc.status.DEADLINE_EXCEEDED);
  assert.match((await late).status.details, /while the mesh had no server for it/);
  const waiting = unary(client, PATH, "", { metadata });
  await turn();
  channel.close();
  assert.match((await waiting).status.details, /Channel closed before the call started/);
  assert.equal(clock.pendingTimers, 0);
  const other = fakeChannel(refuse);
  const orphan = unary(other.client, PATH, "", { metadata });
  await turn();
  other.transport.close();
  assert.equal((await orphan).status.code, grpc.status.UNAVAILABLE);
  assert.match((await orphan).status.details, /the mesh was closed/);
  assert.equal(other.clock.pendingTimers, 0);
});

Deno.test("call credentials are asked, merged, and bound to mutual TLS", async () => {
  const { transport, client } = fakeChannel(() => grpcResponse([text("")]));
  const asked: unknown[] = [];
  const bearer = (value: string) =>
    grpc.credentials.createFromMetadataGenerator((options, callback) => {
      asked.push({ ...options });
      const metadata = new grpc.Metadata();
      metadata.set("authorization", value);
      callback(null, metadata);
    });
  assert.equal((await unary(client, PATH, "", { credentials: bearer("Bearer a") })).error, null);
  const { request, call } = transport.sent[0]!;
  assert.equal(request.headers.get("authorization"), "Bearer a");
  assert.equal(call.requiresMutualTls, true);
  assert.deepEqual(asked[0], { method_name: PATH, service_url: "https://echo.default:50051/pkg.Service" });
  await unary(client, PATH, "");
  assert.equal(transport.sent[1]!.call.requiresMutualTls, false);

  const metadata = new grpc.Metadata();
  metadata.set("authorization", "Basic b");
  const twice = await unary(client, PATH, "", { metadata, credentials: bearer("Bearer a") });
  assert.equal(twice.status.code, grpc.status.INTERNAL);
  const failing = (error: Error) => grpc.credentials.createFromMetadataGenerator((_, callback) => callback(error));
  const codes: number[] = [];
  for (const code of [undefined, grpc.status.UNAUTHENTICATED, grpc.status.NOT_FOUND]) {
    const credentials = failing(Object.assign(new Error("No token"), { code }));
    codes.push((await unary(client, PATH, "", { credentials })).status.code);
  }
  assert.deepEqual(codes, [grpc.status.UNKNOWN, grpc.status.UNAUTHENTICATED, grpc.status.INTERNAL]);
  assert.equal(transport.sent.length, 2);
  assert.equal(transport.listeners, 0);
});

Deno.test("interceptors of the stub see metadata, messages and status", async () => {
  const { transport, client } = fakeChannel(() => grpcResponse([text("reply")]));
  const seen: string[] = [];
  const interceptor: grpc.Interceptor = (options, next) =>
    new grpc.InterceptingCall(next(options), {
      start(metadata, _listener, next) {
        metadata.set("x-added", "1");
        next(metadata, {
          onReceiveMetadata: (metadata, next) => (seen.push("metadata"), next(metadata)),
          onReceiveMessage: (message, next) => (seen.push(String(message)), next(Buffer.from("changed"))),
          onReceiveStatus: (status, next) => (seen.push(`status ${status.code}`), next(status)),
        });
      },
    });
  const { reply } = await unary(client, PATH, "", { interceptors: [interceptor] });
  assert.equal(String(reply), "changed");
  assert.deepEqual(seen, ["metadata", "reply", "status 0"]);
  assert.equal(transport.sent[0]!.request.headers.get("x-added"), "1");
});
