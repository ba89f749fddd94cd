/** Stubs and handlers of grpc-js on both ends of a mesh: replicas, weights, and metrics equal on both sides. */
import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Mesh } from "../../mod.ts";
import { raw, unary } from "../support/grpc_rig.ts";
import { MeshRig } from "../support/mesh_rig.ts";

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/t.Named/${name}`,
    requestStream,
    responseStream,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
  };
}

const NAMED = { name: method("Name", false, false), repeat: method("Repeat", true, true) };

/** Joins a workload that answers with its name, under a target port of the mesh; returns it and its port. */
async function replica(rig: MeshRig, name: string, meshPort: number): Promise<{ mesh: Mesh; port: number }> {
  const mesh = await rig.join(name);
  const server = await mesh.serveGrpc(
    { port: 0, hostname: "127.0.0.1", meshPort, onListen: () => {} },
    (server) =>
      server.addService(NAMED, {
        name: (_call, callback) => callback(null, Buffer.from(name)),
        repeat(call) {
          const stream = call as unknown as grpc.ServerDuplexStream<Buffer, Buffer>;
          stream.on("data", (message: Buffer) => {
            stream.write(message);
            stream.write(message);
          });
          stream.on("end", () => stream.end());
        },
      }),
  );
  return { mesh, port: server.addr.port };
}

function clientOf(mesh: Mesh, target: string): grpc.Client {
  const channelOverride = mesh.grpcChannel(target);
  return new grpc.Client("unused", grpc.credentials.createInsecure(), { channelOverride });
}

async function names(client: grpc.Client, calls: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let i = 0; i < calls; i++) {
    const { error, reply } = await unary(client, "/t.Named/Name", "");
    assert.equal(error, null);
    counts.set(String(reply), (counts.get(String(reply)) ?? 0) + 1);
  }
  return counts;
}

/** The values of a metric, with the labels that tell of gRPC. */
function metric(mesh: Mesh, name: string, reporter: string): [string | undefined, number][] {
  return mesh.metrics().split("\n")
    .filter((line) => line.startsWith(`${name}{reporter="${reporter}"`))
    .map((line) => [/grpc_response_status="(\d*)"/.exec(line)?.[1], Number(line.split(" ").at(-1))]);
}

Deno.test("an endpoint is chosen for each call, and weights of clusters hold", async () => {
  await MeshRig.use(async (rig) => {
    rig.service({ name: "named", ports: [], port: 50051, portName: "grpc", targetPort: 27_001 });
    rig.service({ name: "other", ports: [], port: 50051, portName: "grpc", targetPort: 27_002 });
    await rig.istiod.settled();
    const replicas = [await replica(rig, "named-1", 27_001), await replica(rig, "named-2", 27_001)];
    const other = await replica(rig, "other-1", 27_002);
    rig.endpoints("named", replicas.map(({ port }) => port), { portName: "grpc" });
    rig.endpoints("other", [other.port], { portName: "grpc" });
    await rig.istiod.settled();
    const client = clientOf(await rig.join("client"), "named:50051");
    const even = await names(client, 60);
    for (const name of ["named-1", "named-2"]) assert.ok((even.get(name) ?? 0) >= 10, JSON.stringify([...even]));
    rig.istiod.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: named, namespace: default }
spec:
  hosts: [named]
  http:
  - route:
    - { destination: { host: named, port: { number: 50051 } }, weight: 50 }
    - { destination: { host: other, port: { number: 50051 } }, weight: 50 }
`);
    await rig.istiod.settled();
    const weighted = await names(client, 100);
    const moved = weighted.get("other-1") ?? 0;
    assert.ok(moved >= 20 && moved <= 80, JSON.stringify([...weighted]));
    client.close();
  });
});

Deno.test("both sides count the same calls and messages, with their status", async () => {
  await MeshRig.use(async (rig) => {
    rig.service({ name: "named", ports: [], port: 50051, portName: "grpc", targetPort: 27_003 });
    await rig.istiod.settled();
    const { mesh: server, port } = await replica(rig, "named-1", 27_003);
    rig.endpoints("named", [port], { portName: "grpc" });
    await rig.istiod.settled();
    const mesh = await rig.join("client");
    const client = clientOf(mesh, "named:50051");
    await names(client, 5);
    const stream = client.makeBidiStreamRequest("/t.Named/Repeat", raw.serialize, raw.deserialize);
    for (let i = 0; i < 7; i++) stream.write(Buffer.from(`${i}`));
    stream.end();
    let received = 0;
    for await (const _ of stream) received++;
    assert.equal(received, 14);
    const { error } = await unary(client, "/t.Named/Nothing", "");
    assert.equal(error?.code, grpc.status.UNIMPLEMENTED);
    client.close();
    const sides = [[mesh, "source"], [server, "destination"]] as const;
    for (const [of, reporter] of sides) {
      assert.deepEqual(metric(of, "istio_requests_total", reporter).sort(), [["0", 6], ["12", 1]], reporter);
      assert.deepEqual(metric(of, "istio_request_messages_total", reporter), [[undefined, 13]], reporter);
      assert.deepEqual(metric(of, "istio_response_messages_total", reporter), [[undefined, 19]], reporter);
    }
  });
});
