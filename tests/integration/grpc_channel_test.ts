/** Stubs of grpc-js in a whole mesh: mutual TLS, routing, metrics. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { raw, rawServer, serveRaw, unary } from "../support/grpc_rig.ts";
import { MeshRig } from "../support/mesh_rig.ts";

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
    assert.equal((await unaryAgain(mesh)).error, null, "closing a stub leaves the mesh");
  });

  function unaryAgain(mesh: { grpcChannel(target: string): grpc.ChannelInterface }) {
    const client = new grpc.Client("x", grpc.credentials.createInsecure(), {
      channelOverride: mesh.grpcChannel("dns:///greeter.default:50051"),
    });
    return unary(client, "/t.T/Unary", "again");
  }
});
