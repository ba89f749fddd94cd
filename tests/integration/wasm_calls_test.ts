/** A plugin that asks other services of the mesh, by HTTP and by gRPC, before it lets a request go on. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { packAny } from "../../lib/protobuf/registry.ts";
import { inboundTls } from "../../lib/testing/generate/tls.ts";
import { filteredListener, type ListenerFilters, managerFilters } from "../support/filtered_listener.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { callerModule, type CallerOptions } from "../support/wasm_caller.ts";

const CLUSTERS: CallerOptions = {
  http: "outbound|80||auth.default.svc.cluster.local",
  grpc: "outbound|50051||greeter.default.svc.cluster.local",
};

/** The plugin, where it has something to call. */
function plugin(options: CallerOptions | null, runtime = "envoy.wasm.runtime.v8"): ListenerFilters {
  if (options === null) return [];
  const name = "default.caller";
  const vmConfig = { runtime, code: { local: { inlineBytes: callerModule(options) } } };
  return [{ name, typedConfig: packAny("envoy.extensions.filters.http.wasm.v3.Wasm", { config: { name, vmConfig } }) }];
}

function outboundListener(options: CallerOptions, runtime?: string) {
  return filteredListener(7001, plugin(options, runtime));
}

/** What every workload gets for the ports given. */
function inboundListener(ports: readonly (readonly [port: number, options: CallerOptions | null])[]) {
  return {
    name: "virtualInbound",
    value: {
      name: "virtualInbound",
      address: { socketAddress: { address: "0.0.0.0", portValue: 15006 } },
      trafficDirection: "INBOUND",
      filterChains: ports.map(([port, options]) => ({
        name: `0.0.0.0_${port}`,
        filters: managerFilters(`inbound|${port}||`, plugin(options)),
        filterChainMatch: { destinationPort: { value: port }, transportProtocol: "tls" },
        transportSocket: inboundTls("cluster.local", ["h2", "http/1.1"]),
      })),
    },
  };
}

/** `auth` by HTTP and `greeter` by gRPC; both say who has called. */
async function serveBackends(rig: MeshRig): Promise<{ ports: number[]; seen: string[] }> {
  const seen: string[] = [];
  const { targetPort } = await rig.serve("auth", (request, info) => {
    const { pathname } = new URL(request.url);
    seen.push(`${request.method} ${pathname} ${request.headers.get("x-from")}`);
    return new Response(null, { status: 202, headers: { "x-user": info.peer?.serviceAccount ?? "stranger" } });
  });
  const greeter = await rig.join("greeter");
  rig.service({ name: "greeter", ports: [], port: 50051, portName: "grpc", targetPort: 28_001 });
  await rig.istiod.settled();
  const server = await greeter.serveGrpc(
    { port: 0, hostname: "127.0.0.1", meshPort: 28_001, onListen: () => {} },
    (services) => {
      const method = {
        path: "/test.Greeter/Greet",
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      };
      services.addService({ greet: method }, {
        greet: (call, callback) => callback(null, Buffer.from(`hello ${call.request}`)),
      });
    },
  );
  rig.endpoints("greeter", [server.addr.port], { portName: "grpc" });
  await rig.istiod.settled();
  return { ports: [targetPort, 28_001], seen };
}

const HEADERS = ["x-http-status", "x-user", "x-greeting"];

for (const runtime of ["envoy.wasm.runtime.v8", "guarded"]) {
  Deno.test(`outbound, ${runtime}: a request waits for an HTTP call and a gRPC call over mutual TLS, many at once`, async () => {
    await MeshRig.use(async (rig) => {
      const { seen } = await serveBackends(rig);
      await rig.serve("web", async (request) => {
        const text = await request.text();
        return Response.json([...HEADERS.map((name) => request.headers.get(name)), text]);
      });
      const caller = await rig.join("caller");
      rig.istiod.push(TYPE.listener, [outboundListener(CLUSTERS, runtime)]);
      await rig.istiod.settled();
      await rig.answers(caller, "http://10.1.1.1:7001/");
      const expected = ["202", "caller", "hello who"];
      seen.length = 0;
      const post = async (body: BodyInit | null) => {
        const response = await caller.fetch("http://10.1.1.1:7001/x", { method: "POST", body });
        assert.equal(response.status, 200);
        return await response.json();
      };
      assert.deepEqual(await post("text"), [...expected, "text"]);
      const chunks = ReadableStream.from(Array.from({ length: 20 }, () => new Uint8Array(10_000).fill(97)));
      assert.equal((await post(chunks as unknown as BodyInit))[3].length, 200_000);
      const many = await Promise.all(Array.from({ length: 40 }, (_, i) => post(String(i))));
      assert.deepEqual(many, Array.from({ length: 40 }, (_, i) => [...expected, String(i)]));
      assert.deepEqual([...new Set(seen)], ["GET /check wasm"]);
      assert.equal(seen.length, 42);
      // The plugin's own metric, in the format of the others.
      assert.match(caller.metrics(), /^calls_total\{source="wasm"\} 43$/m);
    });
  });
}

Deno.test("inbound: the plugin of a server asks before the application sees the request", async () => {
  await MeshRig.use(async (rig) => {
    const { ports } = await serveBackends(rig);
    const { mesh: web, targetPort } = await rig.serve(
      "web",
      (request) => Response.json(HEADERS.map((name) => request.headers.get(name))),
    );
    const caller = await rig.join("caller");
    await rig.answers(caller, "http://web.default/");
    rig.istiod.push(TYPE.listener, [
      inboundListener([[targetPort, CLUSTERS], ...ports.map((port) => [port, null] as const)]),
    ]);
    await rig.istiod.settled();
    const response = await caller.fetch("http://web.default/");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), ["202", "web", "hello who"]);
    assert.match(web.metrics(), /^calls_total\{source="wasm"\} [0-9]+$/m);
    assert.doesNotMatch(caller.metrics(), /calls_total/);
  });
});

Deno.test("services that are not there are answers too; an unknown cluster is refused at once; a slow one times out", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", () => new Response("reached"));
    rig.service({ name: "auth", ports: [], targetPort: 29_000 });
    rig.service({ name: "greeter", ports: [], port: 50051, portName: "grpc", targetPort: 29_001 });
    const caller = await rig.join("caller");
    const get = async () => {
      const response = await caller.fetch("http://10.1.1.1:7001/x");
      return [response.status, await response.text()];
    };
    const use = async (options: CallerOptions) => {
      rig.istiod.push(TYPE.listener, [outboundListener(options)]);
      await rig.istiod.settled();
    };
    await use(CLUSTERS);
    await rig.answers(caller, "http://10.1.1.1:7001/", 403);
    const [status, text] = await get();
    assert.equal(status, 403);
    assert.match(text as string, /has no endpoints/);
    await use({ ...CLUSTERS, http: "outbound|80||nobody" });
    await rig.answers(caller, "http://10.1.1.1:7001/", 500);
    assert.deepEqual(await get(), [500, "denied"]);
    // Nobody answers at that port: the listener takes connections and says nothing.
    const silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const taken: Deno.Conn[] = [];
    void (async () => {
      for await (const connection of silent) taken.push(connection);
    })();
    rig.defer(() => {
      silent.close();
      for (const connection of taken) connection.close();
    });
    rig.endpoints("greeter", [silent.addr.port], { portName: "grpc", inMesh: false });
    await rig.istiod.settled();
    await use({ ...CLUSTERS, timeoutMs: 200 });
    await rig.answers(caller, "http://10.1.1.1:7001/", 403);
    assert.match((await get())[1] as string, /'200' ms have passed/);
  });
});
