/** `enabled: false`: the same program, without a mesh. */
import assert from "node:assert/strict";
import { Mesh, MeshError } from "../../mod.ts";

Deno.test("without a mesh everything works as with Deno's own", async () => {
  const mesh = await Mesh.join({ enabled: false, env: {} });
  let seen: unknown;
  const server = await mesh.serve(
    { port: 0, hostname: "127.0.0.1", meshPort: 8080, onListen: () => {} },
    async (request, info) => {
      seen = [info.peer, info.remoteAddr.hostname, info.localAddr.port];
      return new Response(await request.text());
    },
  );
  const { fetch } = mesh;
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { method: "POST", body: "same" });
  assert.equal(await response.text(), "same");
  assert.deepEqual(seen, [null, "127.0.0.1", server.addr.port]);
  assert.equal(mesh.openHandles, 0);
  assert.equal(mesh.metrics(), "");
  assert.deepEqual(mesh.ports, {});
  assert.throws(
    () => mesh.identity,
    (error: unknown) => error instanceof MeshError && /enabled: false/.test(error.message),
  );
  assert.throws(() => mesh.snapshot, MeshError);
  await assert.rejects(mesh.renewCertificate(), MeshError);
  await mesh.close();
  await server.finished;
  await assert.rejects(fetch(`http://127.0.0.1:${server.addr.port}/`));
});

Deno.test("without a mesh: overloads, onError, signal, and the variable that switches it off", async () => {
  await using mesh = await Mesh.join({ env: { ENMESH_ENABLED: "false" } });
  const controller = new AbortController();
  const server = await mesh.serve({
    port: 0,
    hostname: "127.0.0.1",
    signal: controller.signal,
    onListen: (addr) => assert.equal(addr.transport, "tcp"),
    onError: (error) => new Response(String(error), { status: 418 }),
    handler: () => {
      throw new RangeError("Plain");
    },
  });
  const response = await mesh.fetch(`http://127.0.0.1:${server.addr.port}/`);
  assert.equal(response.status, 418);
  assert.equal(await response.text(), "RangeError: Plain");
  controller.abort();
  await server.finished;
  const object = await mesh.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: () => {},
    fetch: () => new Response("object"),
  });
  assert.equal(await (await mesh.fetch(`http://127.0.0.1:${object.addr.port}/`)).text(), "object");
});

Deno.test("without a mesh WebSockets are the runtime's own", async () => {
  await using mesh = await Mesh.join({ enabled: false, env: {} });
  await using server = await mesh.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const header = request.headers.get("x-a");
    const { socket, response } = mesh.upgradeWebSocket(request, { protocol: "chat" });
    socket.onmessage = ({ data }) => socket.send(`${data} ${header}`);
    return response;
  });
  const socket = mesh.webSocket(`ws://127.0.0.1:${server.addr.port}/`, { protocols: "chat", headers: { "x-a": "1" } });
  assert.ok(socket instanceof WebSocket);
  socket.onopen = () => socket.send("hi");
  const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  assert.equal(data, "hi 1");
  assert.equal(socket.protocol, "chat");
  socket.close(1000);
  await new Promise((resolve) => socket.onclose = resolve);
});
