/** `mesh.serveGrpc` on whole meshes: identity, modes, both ends of a server's life. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { grpcPeer, Mesh, type MeshServeGrpcOptions, type MeshServer } from "../../mod.ts";
import { peerAuthentication } from "../support/peer_authentication.ts";
import {
  GreeterClient,
  type GreeterServer,
  GreeterService,
  type Greeting,
  type Hello,
  received,
} from "../support/greeter.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

const LOOPBACK: MeshServeGrpcOptions = { port: 0, hostname: "127.0.0.1", onListen: () => {} };

/** Answers with the caller's identity. */
const whoAmI: Partial<GreeterServer> = {
  sayHello(call: grpc.ServerUnaryCall<Hello, Greeting>, callback: grpc.sendUnaryData<Greeting>) {
    const { peer } = call as unknown as { peer: unknown };
    assert.deepEqual(peer, grpcPeer(call));
    const { transportSecurityType = "none" } = call.getAuthContext();
    callback(null, { text: `${grpcPeer(call)?.serviceAccount ?? "nobody"} ${transportSecurityType}` });
  },
};

async function serveGreeter(
  rig: MeshRig,
  handlers: Partial<GreeterServer>,
  options: Partial<MeshServeGrpcOptions> = {},
): Promise<{ mesh: Mesh; server: MeshServer }> {
  const mesh = await rig.join("greeter");
  rig.service({ name: "greeter", ports: [], portName: "grpc", targetPort: 21_000 });
  await rig.istiod.settled();
  const server = await mesh.serveGrpc(
    { ...LOOPBACK, meshPort: 21_000, ...options },
    (services) => services.addService(GreeterService, handlers as GreeterServer),
  );
  rig.endpoints("greeter", [server.addr.port], { portName: "grpc" });
  await rig.istiod.settled();
  return { mesh, server };
}

/** A grpc-js client from outside of the mesh; it is closed when the rig is. */
function plainClient(rig: MeshRig, { addr }: MeshServer): GreeterClient {
  const client = new GreeterClient(`127.0.0.1:${addr.port}`, grpc.credentials.createInsecure(), {
    "grpc.enable_channelz": 0,
  });
  rig.defer(() => client.close());
  return client;
}

Deno.test("callers of the mesh come over mutual TLS with their principal, others in plaintext without", async () => {
  await MeshRig.use(async (rig) => {
    const { mesh, server } = await serveGreeter(rig, whoAmI);
    const caller = await rig.join("caller");
    const ask = async () => {
      const response = await caller.fetch("http://greeter/test.Greeter/SayHello", {
        method: "POST",
        headers: { "content-type": "application/grpc", te: "trailers" },
        body: frameMessage(Buffer.from(JSON.stringify({ name: "me" }))) as Uint8Array<ArrayBuffer>,
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return response.status === 200 ? (JSON.parse(Buffer.from(bytes.subarray(5)).toString()) as Greeting).text : "";
    };
    await until("the greeter answers", async () => await ask() === "caller ssl");
    const outside = await plainClient(rig, server).sayHello("me");
    assert.equal(outside.greeting?.text, "nobody none");
    assert.match(mesh.metrics(), /istio_requests_total\{[^}]*reporter="destination"[^}]*request_protocol="grpc"/);
  });
});

Deno.test("STRICT refuses plaintext, and PERMISSIVE serves it again", async () => {
  await MeshRig.use(async (rig) => {
    const { server } = await serveGreeter(rig, whoAmI);
    rig.istiod.apply(peerAuthentication("STRICT"));
    await rig.istiod.settled();
    // Not with a client of grpc-js: refused, it leaves a timer behind.
    const served = async () => {
      try {
        const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { headers: { connection: "close" } });
        await response.body?.cancel();
        return response.status === 415;
      } catch {
        return false;
      }
    };
    await until("plaintext is refused", async () => !await served());
    rig.istiod.apply(peerAuthentication("PERMISSIVE"));
    await until("plaintext is served", served);
  });
});

Deno.test("a shutdown lets calls finish, tells who watches the health, and takes no new connection", async () => {
  await MeshRig.use(async (rig) => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { server } = await serveGreeter(rig, {
      async sayHello(_call: unknown, callback: grpc.sendUnaryData<Greeting>) {
        begun.resolve();
        await release.promise;
        callback(null, { text: "finished" });
      },
    });
    const client = plainClient(rig, server);
    const watched = Promise.withResolvers<grpc.StatusObject>();
    const watch = client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      (value: Buffer) => value,
      (value: Buffer) => value,
      Buffer.alloc(0),
    );
    watch.on("error", () => {}).on("status", watched.resolve).resume();
    const answer = client.sayHello("slow");
    await begun.promise;
    const down = server.shutdown();
    assert.equal((await watched.promise).code, grpc.status.UNAVAILABLE);
    release.resolve();
    assert.equal((await answer).greeting?.text, "finished");
    await down;
    await server.finished;
    await assert.rejects(
      Deno.connect({ hostname: "127.0.0.1", port: server.addr.port }),
      Deno.errors.ConnectionRefused,
    );
  });
});

Deno.test("a mesh that closes tells who watches and ends calls that do not finish", async () => {
  await MeshRig.use(async (rig) => {
    const cancelled = Promise.withResolvers<void>();
    const { mesh, server } = await serveGreeter(rig, {
      chat(call: grpc.ServerDuplexStream<Hello, Greeting>) {
        call.on("cancelled", () => cancelled.resolve());
        call.write({ text: "begun" });
      },
    });
    const call = plainClient(rig, server).chat({ deadline: Date.now() + 60_000 });
    const outcome = received(call);
    await new Promise((resolve) => call.once("data", resolve));
    await mesh.close({ drain: 20 });
    await cancelled.promise;
    await server.finished;
    assert.notEqual((await outcome).status.code, grpc.status.OK);
    assert.equal(mesh.openHandles, 0);
    await assert.rejects(mesh.serveGrpc(LOOPBACK, () => {}), /mesh was closed/);
  });
});

Deno.test("a signal ends the server at once, and what registers may fail", async () => {
  await MeshRig.use(async (rig) => {
    const controller = new AbortController();
    const { mesh, server } = await serveGreeter(rig, whoAmI, { signal: controller.signal });
    await assert.rejects(
      mesh.serveGrpc(LOOPBACK, () => {
        throw new RangeError("No services");
      }),
      /No services/,
    );
    controller.abort();
    await server.finished;
    await assert.rejects(mesh.serveGrpc({ ...LOOPBACK, signal: controller.signal }, () => {}), /abort/i);
  });
});

Deno.test("without a mesh the same is served in plaintext, and HTTP/1 is told what is missing", async () => {
  const mesh = await Mesh.join({ enabled: false, env: {} });
  const server = await mesh.serveGrpc(
    { ...LOOPBACK, maxReceiveMessageLength: 100, maxSendMessageLength: -1, compression: "gzip" },
    (services) => services.addService(GreeterService, whoAmI as GreeterServer),
  );
  const client = new GreeterClient(`127.0.0.1:${server.addr.port}`, grpc.credentials.createInsecure());
  assert.equal((await client.sayHello("me")).greeting?.text, "nobody none");
  assert.equal((await client.sayHello("x".repeat(100))).status.code, grpc.status.RESOURCE_EXHAUSTED);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { headers: { connection: "close" } });
  assert.equal(response.status, 415);
  assert.match(await response.text(), /This port speaks gRPC/);
  client.close();
  await mesh.close();
  await server.finished;
});
