import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { Buffer } from "node:buffer";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { GrpcStatusError } from "../../lib/grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../lib/grpc/status.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { nodeSocketStream } from "../support/node_socket_stream.ts";

const plain = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };

/** Serves `server` in cleartext and hands a grpc-js client of it to `body`. */
async function withPeers(server: GrpcServer, body: (client: grpc.Client) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    serveHttp2(nodeSocketStream(socket), server.handler, { clock: systemClock, logger: silentLogger });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    await body(client);
  } finally {
    client.close();
    await Promise.all([...sockets].map((socket) =>
      socket.destroyed ? null : new Promise((resolve) => {
        socket.once("close", resolve);
        socket.destroy();
      })
    ));
    await new Promise((resolve) => listener.close(resolve));
  }
}

function server(options: { maxReceiveBytes?: number } = {}): GrpcServer {
  return new GrpcServer({ clock: systemClock, logger: silentLogger, ...options });
}

interface Outcome {
  reply: Buffer | undefined;
  error: grpc.ServiceError | null;
  status: grpc.StatusObject;
  metadata: grpc.Metadata;
}

function unary(
  client: grpc.Client,
  path: string,
  message: Uint8Array,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: { reply: Buffer | undefined; error: grpc.ServiceError | null } | null = null;
    let status: grpc.StatusObject | null = null;
    let head = new grpc.Metadata();
    const settle = () => {
      if (outcome !== null && status !== null) resolve({ ...outcome, status, metadata: head });
    };
    const call = client.makeUnaryRequest(
      path,
      plain.serialize,
      plain.deserialize,
      Buffer.from(message),
      metadata,
      options,
      (error, reply) => {
        outcome = { error, reply };
        settle();
      },
    );
    call.on("metadata", (received) => head = received);
    call.on("status", (received) => {
      status = received;
      settle();
    });
  });
}

Deno.test("a grpc-js client gets the answer to a unary call, with metadata both ways", async () => {
  const served = server();
  served.unary("/test.Echo/Unary", (request, call) => {
    call.responseMetadata.append("x-seen", call.metadata.get("x-sent") ?? "nothing");
    call.trailers.append("x-trailer", "last");
    return Promise.resolve(request);
  });
  await withPeers(served, async (client) => {
    const metadata = new grpc.Metadata();
    metadata.set("x-sent", "value");
    const outcome = await unary(client, "/test.Echo/Unary", Buffer.from("hello"), metadata);
    assert.equal(outcome.error, null);
    assert.equal(outcome.reply!.toString(), "hello");
    assert.deepEqual(outcome.metadata.get("x-seen"), ["value"]);
    assert.deepEqual(outcome.status.metadata.get("x-trailer"), ["last"]);
    const large = Buffer.alloc(3 * 1024 * 1024, 7);
    assert.equal(Buffer.compare((await unary(client, "/test.Echo/Unary", large)).reply!, large), 0);
  });
});

Deno.test("a status error reaches the client with its text, other errors without", async () => {
  const served = server();
  served.unary("/test.Echo/Status", () => {
    throw new GrpcStatusError(GrpcStatus.NOT_FOUND, "no 'ünit' at 100%\n");
  });
  served.unary("/test.Echo/Fault", () => Promise.reject(new Error("Secret")));
  await withPeers(served, async (client) => {
    const status = await unary(client, "/test.Echo/Status", Buffer.alloc(0));
    assert.equal(status.status.code, grpc.status.NOT_FOUND);
    assert.equal(status.status.details, "no 'ünit' at 100%\n");
    const fault = await unary(client, "/test.Echo/Fault", Buffer.alloc(0));
    assert.equal(fault.status.code, grpc.status.UNKNOWN);
    assert.doesNotMatch(fault.status.details, /secret/i);
    const unknown = await unary(client, "/test.Echo/Nothing", Buffer.alloc(0));
    assert.equal(unknown.status.code, grpc.status.UNIMPLEMENTED);
  });
});

Deno.test("a stream answers each message while the client still sends", async () => {
  const served = server();
  served.bidi("/test.Echo/Bidi", async (requests, call) => {
    for await (const request of requests) await call.send(request);
    call.trailers.append("x-trailer", "last");
  });
  await withPeers(served, async (client) => {
    const call = client.makeBidiStreamRequest("/test.Echo/Bidi", plain.serialize, plain.deserialize);
    const received: string[] = [];
    const ended = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
    let next = 0;
    call.on("data", (message: Buffer) => {
      received.push(message.toString());
      if (++next < 20) call.write(Buffer.from(`message ${next}`));
      else call.end();
    });
    call.write(Buffer.from("message 0"));
    const status = await ended;
    assert.equal(status.code, grpc.status.OK);
    assert.deepEqual(status.metadata.get("x-trailer"), ["last"]);
    assert.deepEqual(received, Array.from({ length: 20 }, (_, i) => `message ${i}`));
  });
});

Deno.test("a stream that ends in an error sends what came before it", async () => {
  const served = server();
  served.bidi("/test.Echo/Fails", async (_requests, call) => {
    await call.send(Buffer.from("one"));
    throw new GrpcStatusError(GrpcStatus.ABORTED, "enough");
  });
  await withPeers(served, async (client) => {
    const call = client.makeBidiStreamRequest("/test.Echo/Fails", plain.serialize, plain.deserialize);
    const received: string[] = [];
    call.on("data", (message: Buffer) => received.push(message.toString()));
    call.on("error", () => {});
    const status = await new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
    assert.equal(status.code, grpc.status.ABORTED);
    assert.equal(status.details, "enough");
    assert.deepEqual(received, ["one"]);
  });
});

Deno.test("a deadline ends the call and tells the handler", async () => {
  const served = server();
  const told = Promise.withResolvers<unknown>();
  served.unary("/test.Echo/Never", (_request, call) => {
    call.onCancel(told.resolve);
    return new Promise(() => {});
  });
  await withPeers(served, async (client) => {
    const outcome = await unary(client, "/test.Echo/Never", Buffer.alloc(0), undefined, { deadline: Date.now() + 50 });
    assert.equal(outcome.status.code, grpc.status.DEADLINE_EXCEEDED);
    assert.notEqual(await told.promise, undefined);
  });
});

Deno.test("a cancelled stream tells its handler", async () => {
  const served = server();
  const told = Promise.withResolvers<void>();
  served.bidi("/test.Echo/Wait", async (requests, call) => {
    call.signal.addEventListener("abort", () => told.resolve());
    call.sendHeaders();
    for await (const _ of requests) await call.send(new Uint8Array(0));
  });
  await withPeers(served, async (client) => {
    const call = client.makeBidiStreamRequest("/test.Echo/Wait", plain.serialize, plain.deserialize);
    const status = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
    call.on("error", () => {});
    call.on("metadata", () => call.cancel());
    await told.promise;
    assert.equal((await status).code, grpc.status.CANCELLED);
  });
});

Deno.test("a message above the limit is RESOURCE_EXHAUSTED", async () => {
  const served = server({ maxReceiveBytes: 1000 });
  served.unary("/test.Echo/Unary", (request) => Promise.resolve(request));
  await withPeers(served, async (client) => {
    const outcome = await unary(client, "/test.Echo/Unary", Buffer.alloc(1001));
    assert.equal(outcome.status.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.equal((await unary(client, "/test.Echo/Unary", Buffer.alloc(1000))).error, null);
  });
});
