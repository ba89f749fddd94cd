/** Stubs of grpc-js in a whole mesh: mutual TLS, routing, metrics. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { GrpcStatusError } from "../../lib/grpc/grpc_status_error.ts";
import { GrpcStatus } from "../../lib/grpc/status.ts";
import { Mesh } from "../../mod.ts";
import { raw, rawServer, servePlaintext, serveRaw, unary } from "../support/grpc_rig.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

Deno.test("a stub calls through the mesh: all four kinds of methods, as the caller's principal", async () => {
  await MeshRig.use(async (rig) => {
    const server = rawServer();
    server.unary("/t.T/Unary", (request, call) => {
      call.responseMetadata.append("x-principal", call.principal ?? "none");
      call.trailers.append("x-trailer-bin", "AQID");
      return Promise.resolve(request);
    });
    server.bidi("/t.T/Bidi", async (requests, call) => {
      for await (const request of requests) await call.send(request);
    });
    server.bidi("/t.T/Sum", async (requests, call) => {
      let length = 0;
      for await (const request of requests) length += request.length;
      await call.send(new TextEncoder().encode(String(length)));
    });
    server.bidi("/t.T/Count", async (requests, call) => {
      for await (const request of requests) {
        for (let i = 0; i < request[0]!; i++) await call.send(new Uint8Array([i]));
      }
    });
    await serveRaw(rig, "greeter", server);
    const mesh = await rig.join("client");
    const client = new grpc.Client("greeter:50051", grpc.credentials.createInsecure(), {
      channelOverride: mesh.grpcChannel("greeter:50051"),
    });

    const answer = await unary(client, "/t.T/Unary", "hello");
    assert.equal(answer.error, null);
    assert.equal(String(answer.reply), "hello");
    assert.deepEqual(answer.head?.get("x-principal"), ["spiffe://cluster.local/ns/default/sa/client"]);
    assert.deepEqual(answer.status.metadata.get("x-trailer-bin"), [Buffer.from([1, 2, 3])]);
    assert.match(answer.peer, /^127\.0\.0\.1:[0-9]+$/);

    const received: string[] = [];
    const bidi = client.makeBidiStreamRequest("/t.T/Bidi", raw.serialize, raw.deserialize);
    for (let i = 0; i < 20; i++) bidi.write(Buffer.from(`message ${i}`));
    bidi.end();
    for await (const message of bidi) received.push(String(message));
    assert.deepEqual(received, Array.from({ length: 20 }, (_, i) => `message ${i}`));

    const sum = await new Promise<string>((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        "/t.T/Sum",
        raw.serialize,
        raw.deserialize,
        (error, reply) => error === null ? resolve(String(reply)) : reject(error),
      );
      for (let i = 0; i < 10; i++) call.write(Buffer.alloc(50_000));
      call.end();
    });
    assert.equal(sum, "500000");

    const counted: number[] = [];
    const count = client.makeServerStreamRequest("/t.T/Count", raw.serialize, raw.deserialize, Buffer.from([100]));
    for await (const message of count) counted.push(message[0]);
    assert.deepEqual(counted, Array.from({ length: 100 }, (_, i) => i));
    client.close();

    assert.match(mesh.metrics(), /istio_requests_total\{[^}]*request_protocol="grpc"[^}]*\}/);
    const again = await unary(clientOf(mesh, "dns:///greeter.default:50051"), "/t.T/Unary", "again");
    assert.equal(again.error, null, "closing a stub leaves the mesh");
  });
});

/** A client of grpc-js on a channel of `mesh`. */
function clientOf(mesh: Mesh, target: string, options = {}): grpc.Client {
  const channelOverride = mesh.grpcChannel(target, options);
  return new grpc.Client("unused", grpc.credentials.createInsecure(), { channelOverride });
}

Deno.test("each call is routed on its own: header matches, retries on gRPC status", async () => {
  await MeshRig.use(async (rig) => {
    const calls: string[] = [];
    const named = (name: string) => {
      const server = rawServer();
      let failures = 2;
      server.unary("/t.T/Name", () => Promise.resolve(new TextEncoder().encode(name)));
      server.unary("/t.T/Flaky", () => {
        calls.push(name);
        if (failures-- > 0) throw new GrpcStatusError(GrpcStatus.UNAVAILABLE, "not yet");
        return Promise.resolve(new TextEncoder().encode(name));
      });
      return server;
    };
    await serveRaw(rig, "greeter", named("greeter"));
    await serveRaw(rig, "canary", named("canary"));
    rig.istiod.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter, namespace: default }
spec:
  hosts: [greeter]
  http:
  - match: [{ headers: { x-canary: { exact: "yes" } } }]
    route: [{ destination: { host: canary, port: { number: 50051 } } }]
  - match: [{ uri: { exact: /t.T/Flaky } }]
    route: [{ destination: { host: greeter, port: { number: 50051 } } }]
    retries: { attempts: 3, retryOn: unavailable }
  - route: [{ destination: { host: greeter, port: { number: 50051 } } }]
`);
    await rig.istiod.settled();
    const mesh = await rig.join("client");
    const client = clientOf(mesh, "greeter.default:50051");
    const metadata = new grpc.Metadata();
    metadata.set("x-canary", "yes");
    assert.equal(String((await unary(client, "/t.T/Name", "")).reply), "greeter");
    assert.equal(String((await unary(client, "/t.T/Name", "", { metadata })).reply), "canary");
    assert.equal(String((await unary(client, "/t.T/Flaky", "")).reply), "greeter");
    assert.deepEqual(calls, ["greeter", "greeter", "greeter"]);
    const { status } = await unary(client, "/t.T/Nothing", "");
    assert.deepEqual([status.code, status.details], [
      grpc.status.UNIMPLEMENTED,
      "The server does not implement the method /t.T/Nothing",
    ]);
    client.close();
  });
});

Deno.test("what the mesh cannot do is a status whose details say what to check", async () => {
  await MeshRig.use(async (rig) => {
    rig.service({ name: "empty", ports: [], port: 50051, portName: "grpc", targetPort: 50051 });
    await rig.istiod.settled();
    const mesh = await rig.join("client");
    const empty = clientOf(mesh, "empty:50051");
    const { status } = await unary(empty, "/t.T/Unary", "");
    assert.equal(status.code, grpc.status.UNAVAILABLE);
    assert.match(status.details, /empty.*endpoint/s);
    const server = rawServer();
    server.unary("/t.T/Unary", (request) => Promise.resolve(request));
    // A call that waits for a server is answered once there is one.
    const metadata = new grpc.Metadata({ waitForReady: true });
    const waiting = unary(clientOf(mesh, "late:50051"), "/t.T/Unary", "waited", { metadata });
    await serveRaw(rig, "late", server);
    assert.equal(String((await waiting).reply), "waited");
    // Closing the mesh ends what waits and what comes.
    const orphan = unary(empty, "/t.T/Unary", "", { metadata });
    await until("the call waits", () => mesh.metrics().includes('response_flags="UH"'));
    await mesh.close({ drain: 0 });
    assert.equal((await orphan).status.code, grpc.status.UNAVAILABLE);
    const after = await unary(empty, "/t.T/Unary", "");
    assert.equal(after.status.code, grpc.status.UNAVAILABLE);
    assert.match(after.status.details, /mesh was closed/);
    assert.equal(mesh.openHandles, 0);
  }, { outboundTrafficPolicy: "REGISTRY_ONLY" });
});

Deno.test("a call ends as its server's stream does: deadline, cancellation, loss of the connection, size", async () => {
  await MeshRig.use(async (rig) => {
    const server = rawServer();
    const cancelled = Promise.withResolvers<void>();
    server.unary("/t.T/Never", () => new Promise(() => {}));
    server.bidi("/t.T/Open", async (requests, call) => {
      call.onCancel(() => cancelled.resolve());
      await call.send(new Uint8Array([1]));
      for await (const _ of requests);
    });
    server.unary("/t.T/Large", () => Promise.resolve(new Uint8Array(5_000_000)));
    const runtime = await serveRaw(rig, "greeter", server);
    const mesh = await rig.join("client");
    const client = clientOf(mesh, "greeter:50051");
    const late = await unary(client, "/t.T/Never", "", { deadline: Date.now() + 50 });
    assert.equal(late.status.code, grpc.status.DEADLINE_EXCEEDED);
    const large = await unary(client, "/t.T/Large", "");
    assert.equal(large.status.code, grpc.status.RESOURCE_EXHAUSTED);
    const unlimited = clientOf(mesh, "greeter:50051", { "grpc.max_receive_message_length": -1 });
    assert.equal((await unary(unlimited, "/t.T/Large", "")).reply?.length, 5_000_000);
    const ends: Promise<number>[] = [];
    for (const end of ["cancel", "loss"]) {
      const call = client.makeBidiStreamRequest("/t.T/Open", raw.serialize, raw.deserialize);
      call.on("error", () => {});
      ends.push(new Promise((resolve) => call.on("status", ({ code }) => resolve(code))));
      await new Promise((resolve) => call.once("data", resolve));
      if (end === "cancel") {
        call.cancel();
        await cancelled.promise;
      } else await runtime.close({ drain: 0 });
    }
    assert.deepEqual(await Promise.all(ends), [grpc.status.CANCELLED, grpc.status.UNAVAILABLE]);
  });
});

Deno.test("call credentials leave on mutual TLS and on nothing else", async () => {
  await MeshRig.use(async (rig) => {
    const server = rawServer();
    server.unary("/t.T/Token", (_request, call) => {
      return Promise.resolve(new TextEncoder().encode(call.metadata.get("authorization") ?? "none"));
    });
    await serveRaw(rig, "inside", server);
    let plainRequests = 0;
    const port = rig.plainServer(() => {
      plainRequests++;
      return new Response();
    });
    rig.service({ name: "outside", ports: [port], port: 50051, portName: "grpc", targetPort: port, inMesh: false });
    await rig.istiod.settled();
    const mesh = await rig.join("client");
    const credentials = grpc.credentials.createFromMetadataGenerator((_, callback) => {
      const metadata = new grpc.Metadata();
      metadata.set("authorization", "Bearer secret");
      callback(null, metadata);
    });
    const inside = await unary(clientOf(mesh, "inside:50051"), "/t.T/Token", "", { credentials });
    assert.equal(String(inside.reply), "Bearer secret");
    const outside = await unary(clientOf(mesh, "outside:50051"), "/t.T/Token", "", { credentials });
    assert.equal(outside.status.code, grpc.status.PERMISSION_DENIED);
    assert.match(outside.status.details, /call credentials.*mutual TLS/);
    assert.equal(plainRequests, 0);
  });
});

Deno.test("without a mesh a stub speaks to a plaintext server through grpc-js itself", async () => {
  await using mesh = await Mesh.join({ enabled: false, env: {} });
  const server = rawServer();
  server.unary("/t.T/Unary", (request) => Promise.resolve(request));
  server.bidi("/t.T/Bidi", async (requests, call) => {
    for await (const request of requests) await call.send(request);
  });
  await using plain = await servePlaintext(server);
  const client = clientOf(mesh, `127.0.0.1:${plain.port}`);
  assert.equal(String((await unary(client, "/t.T/Unary", "plain")).reply), "plain");
  const call = client.makeBidiStreamRequest("/t.T/Bidi", raw.serialize, raw.deserialize);
  call.end(Buffer.from("first"));
  const received: string[] = [];
  for await (const message of call) received.push(String(message));
  assert.deepEqual(received, ["first"]);
  client.close();
});
