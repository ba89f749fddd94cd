/**
 * gRPC's interop cases with peers that no one here wrote: Go's interop client and server, grpc-js in Node, and Envoy
 * between, each with `mesh.grpcChannel` or `mesh.serveGrpc` at the other end.
 */
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { grpcPeer, type Mesh } from "../../mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { Cases } from "./cases.ts";
import { certificates, principal } from "./certificates.ts";
import { freePort, startEnvoy } from "./envoy.ts";
import { clientSidecar, serverSidecar } from "./envoy_config.ts";
import { INTEROP_CASES, type InteropCase, interopClient } from "./grpc/interop_client.ts";
import { interopServer } from "./grpc/interop_server.ts";
import { NodePrograms, runGoClient, startGoServer } from "./grpc/peers.ts";
import { testService } from "./grpc/test_service.ts";
import type { Ended } from "./process.ts";
import { tlsMode } from "./tls_mode.ts";

const cases = new Cases("grpc");
cases.reportAtEnd();

/**
 * Exempt from the runtime's sanitizers: grpc-js, which carries the control plane's channel, clears its keepalive timer
 * only when its session has closed, which may be after the test. MeshRig looks for what the mesh itself holds open.
 */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false };

const TARGET = "interop.default:50051";

/** Runs every case. */
async function each(t: Deno.TestContext, way: string, act: (name: InteropCase) => Promise<void>): Promise<void> {
  for (const name of INTEROP_CASES) await cases.run(t, `${way}: ${name}`, () => act(name));
}

/** A workload that calls `interop`, whose only endpoint is a port of loopback. */
async function callerOf(rig: MeshRig, port: number, mode: "DISABLE" | "ISTIO_MUTUAL"): Promise<Mesh> {
  rig.service({ name: "interop", ports: [port], port: 50051, portName: "grpc", targetPort: 50051 });
  rig.istiod.apply(tlsMode("interop", mode));
  const mesh = await rig.join("caller");
  await rig.istiod.settled();
  return mesh;
}

/** Runs every case with an ordinary stub on a channel of the mesh. */
async function callEach(t: Deno.TestContext, way: string, mesh: Mesh): Promise<void> {
  const channelOverride = mesh.grpcChannel(TARGET);
  const client = new Client(TARGET, credentials.createInsecure(), { channelOverride });
  const run = interopClient({ client, newMetadata: () => new Metadata() });
  await each(t, way, (name) => run[name]());
  client.close();
}

/** Serves the interop service in the mesh; the principals of callers are kept. */
async function serve(rig: MeshRig): Promise<{ port: number; callers: Set<string | null> }> {
  const mesh = await rig.join("interop");
  const callers = new Set<string | null>();
  const handlers = interopServer(() => new Metadata());
  const server = await mesh.serveGrpc(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (server) =>
      server.addService(testService, {
        ...handlers,
        UnaryCall(call: Parameters<typeof handlers.UnaryCall>[0], answer: Parameters<typeof handlers.UnaryCall>[1]) {
          callers.add(grpcPeer(call)?.principal ?? null);
          handlers.UnaryCall(call, answer);
        },
      }),
  );
  return { port: server.addr.port, callers };
}

function endedWell({ code, stdout, stderr }: Ended): void {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
}

Deno.test("a stub on mesh.grpcChannel calls Go's interop server", UNSANITIZED, async (t) => {
  await using go = await startGoServer();
  await MeshRig.use(async (rig) => callEach(t, "mesh to Go", await callerOf(rig, go.port, "DISABLE")));
});

Deno.test("Go's interop client calls mesh.serveGrpc", UNSANITIZED, async (t) => {
  await MeshRig.use(async (rig) => {
    const { port, callers } = await serve(rig);
    await each(t, "Go to mesh", async (name) => endedWell(await runGoClient(port, name)));
    assert.deepEqual([...callers], [null]);
  });
});

Deno.test("grpc-js in Node", UNSANITIZED, async (t) => {
  await using node = await NodePrograms.prepare();
  await t.step("is called by a stub on mesh.grpcChannel", async (t) => {
    await using server = await node.startServer();
    await MeshRig.use(async (rig) => callEach(t, "mesh to grpc-js", await callerOf(rig, server.port, "DISABLE")));
  });
  await t.step("calls mesh.serveGrpc", async (t) => {
    await MeshRig.use(async (rig) => {
      const { port } = await serve(rig);
      await each(t, "grpc-js to mesh", async (name) => endedWell(await node.runClient(port, name)));
    });
  });
});

Deno.test("Envoy between", UNSANITIZED, async (t) => {
  const folder = await Deno.makeTempDir();
  await t.step("Go's client, its sidecar, mesh.serveGrpc", async (t) => {
    await MeshRig.use(async (rig) => {
      const { port: upstream, callers } = await serve(rig);
      const port = freePort();
      await using _envoy = await startEnvoy(clientSidecar({
        port,
        upstream: { hostname: "127.0.0.1", port: upstream },
        certificates: await certificates(rig.istiod.authority, "go", folder),
        sans: [rig.meshes[0]!.identity.spiffeId],
        sni: "outbound_.50051_._.interop.default.svc.cluster.local",
        alpn: ["istio-h2", "istio", "h2"],
        http2: true,
      }));
      await each(t, "Go to Envoy to mesh", async (name) => endedWell(await runGoClient(port, name)));
      assert.deepEqual([...callers], [principal("go")]);
    });
  });
  await t.step("a stub on mesh.grpcChannel, the server's sidecar, Go's server", async (t) => {
    await using go = await startGoServer();
    await MeshRig.use(async (rig) => {
      const port = freePort();
      await using _envoy = await startEnvoy(serverSidecar({
        port,
        application: { hostname: "127.0.0.1", port: go.port },
        http2: true,
        certificates: await certificates(rig.istiod.authority, "interop", folder),
        strict: true,
      }));
      await callEach(t, "mesh to Envoy to Go", await callerOf(rig, port, "ISTIO_MUTUAL"));
    });
  });
  await Deno.remove(folder, { recursive: true });
});
