/** `mesh.use`: filters of the application in real meshes, both directions. */
import assert from "node:assert/strict";
import { Mesh, type MeshFilter } from "../../mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

async function pair(rig: MeshRig) {
  const { mesh: echo } = await rig.serve("echo", async (request) =>
    Response.json({
      method: request.method,
      path: new URL(request.url).pathname,
      tag: request.headers.get("x-tag"),
      body: await request.text(),
    }));
  const caller = await rig.join("caller");
  await rig.answers(caller, "http://echo/");
  return { echo, caller };
}

const ask = async (mesh: Mesh, path = "/", init: RequestInit = {}) => {
  const response = await mesh.fetch(`http://echo${path}`, init);
  return { response, text: await response.text() };
};

Deno.test("filters change requests and responses, outbound and inbound", () =>
  MeshRig.use(async (rig) => {
    const { echo, caller } = await pair(rig);
    await caller.use({
      name: "out",
      onRequest(request, call) {
        assert.equal(call.direction, "outbound");
        assert.equal(call.peer, null);
        assert.equal(request.url, "http://echo/old");
        request.method = "PUT";
        request.path = "/new";
        request.headers.set("X-Tag", "a");
        call.state.set("seen", 1);
      },
      onResponse(response, call) {
        assert.equal(call.state.get("seen"), 1);
        response.headers.append("x-out", String(response.status));
        response.status = 202;
      },
    });
    await echo.use({
      name: "in",
      direction: "inbound",
      onRequest(request, call) {
        assert.equal(call.peer?.serviceAccount, "caller");
        request.headers.append("x-tag", "b");
      },
      onResponse: async (response) => {
        response.headers.set("x-length", String((await response.bytes()).length));
      },
    });
    await echo.use({ name: "never", direction: "outbound", onRequest: () => assert.fail("wrong direction") });
    const { response, text } = await ask(caller, "/old", { method: "POST", body: "hello" });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get("x-out"), "200");
    assert.deepEqual(JSON.parse(text), { method: "PUT", path: "/new", tag: "a, b", body: "hello" });
    assert.equal(response.headers.get("x-length"), String(text.length));
  }));

Deno.test("filters run in the order of use, responses in the opposite one; whoever answers ends the way", () =>
  MeshRig.use(async (rig) => {
    const { caller } = await pair(rig);
    const order: string[] = [];
    const named = (name: string, answers = false): MeshFilter => ({
      name,
      onRequest: (request) => {
        order.push(name);
        if (answers && request.path === "/stop") return new Response("stopped", { status: 418 });
      },
      onResponse: () => void order.push(`${name}'`),
    });
    await caller.use(named("one"));
    await caller.use(named("two", true));
    await caller.use(named("three"));
    assert.equal((await ask(caller)).response.status, 200);
    assert.deepEqual(order.splice(0), ["one", "two", "three", "three'", "two'", "one'"]);
    const stopped = await ask(caller, "/stop", { method: "POST", body: "x" });
    assert.deepEqual([stopped.response.status, stopped.text], [418, "stopped"]);
    assert.deepEqual(order, ["one", "two", "one'"]);
  }));

Deno.test("bodies are wrapped, replaced and measured", () =>
  MeshRig.use(async (rig) => {
    const { echo, caller } = await pair(rig);
    await using _ = await caller.use({
      name: "upper",
      onRequest(request) {
        if (request.path === "/stream") {
          const upper = new TransformStream<string, string>({
            transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
          });
          request.setBody(
            request.body!.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream()),
          );
        } else if (request.path === "/text") request.setBody("other");
        else request.setBody(null);
      },
      onResponse: (response) => response.headers.delete("content-type"),
    });
    const body = (path: string) =>
      ask(caller, path, { method: "POST", body: "hello" }).then(({ text }) => JSON.parse(text).body);
    assert.equal(await body("/stream"), "HELLO");
    assert.equal(await body("/text"), "other");
    assert.equal(await body("/none"), "");
    await echo.use({ name: "limit", onRequest: async (request) => void await request.bytes(3) });
    assert.equal((await ask(caller, "/text", { method: "POST", body: "hello" })).response.status, 413);
  }));

Deno.test("a filter that throws answers 500 with a line in the log, and harms nobody else", () =>
  MeshRig.use(async (rig) => {
    const { echo, caller } = await pair(rig);
    await echo.use({
      name: "clumsy",
      onRequest(request) {
        if (request.path === "/request") throw new Error("Broken here");
        if (request.path === "/inject") request.headers.set("x-bad", "a\r\nb: c");
        if (request.path === "/path") request.path = "/a b";
        if (request.path === "/hop") request.headers.set("Transfer-Encoding", "chunked");
        // deno-lint-ignore no-explicit-any -- what a program without types may return
        if (request.path === "/odd") return "text" as any;
      },
      onResponse: (response) => response.headers.has("date") ? undefined : Promise.reject(new Error("Broken there")),
    });
    for (const path of ["/request", "/inject", "/path", "/hop", "/odd", "/response"]) {
      const { response, text } = await ask(caller, path, { method: "POST", body: "x".repeat(100_000) });
      assert.equal(response.status, 500, path);
      assert.match(text, /filter 'clumsy' failed/);
      assert.doesNotMatch(text, /Broken/);
    }
    const lines = rig.log("echo").toString();
    assert.match(lines, /Filter 'clumsy' threw in onRequest of 'POST \/request': Error: Broken here/);
    assert.match(lines, /Filter 'clumsy' threw in onResponse of 'POST \/response': Error: Broken there/);
  }));

Deno.test("a filter is taken out without dropping the request under way", () =>
  MeshRig.use(async (rig) => {
    const { caller } = await pair(rig);
    const gate = Promise.withResolvers<void>();
    let seen = 0;
    const handle = await caller.use({
      name: "slow",
      async onRequest(request) {
        seen++;
        await gate.promise;
        request.headers.set("x-tag", "slow");
      },
      onResponse: (response) => response.headers.set("x-slow", "1"),
    });
    const under = ask(caller);
    await until("the filter holds the request", () => seen === 1);
    let removed = false;
    const removing = handle.remove().then(() => removed = true);
    const { response } = await ask(caller);
    assert.equal(response.headers.get("x-slow"), null);
    assert.equal(removed, false);
    gate.resolve();
    const held = await under;
    assert.equal(held.response.headers.get("x-slow"), "1");
    assert.equal(JSON.parse(held.text).tag, "slow");
    await removing;
    assert.equal(seen, 1);
  }));

Deno.test("a change of host decides the way where the filter says so", () =>
  MeshRig.use(async (rig) => {
    const { caller } = await pair(rig);
    await rig.serve("other", () => new Response("other"));
    await rig.answers(caller, "http://other/");
    await caller.use({
      name: "reroute",
      onRequest(request, call) {
        request.authority = "other";
        if (request.path === "/clear") call.clearRouteCache();
        assert.match(call.clusterName!, request.path === "/clear" ? /other/ : /echo/);
      },
    });
    assert.equal((await ask(caller, "/clear")).text, "other");
    assert.notEqual((await ask(caller, "/keep")).text, "other");
  }));

Deno.test("a filter runs where the mesh calls the port TCP, and on requests through a TCP proxy", () =>
  MeshRig.use(async (rig) => {
    const { mesh: raw } = await rig.serve("raw", () => new Response("served"), { portName: "tcp" });
    const caller = await rig.join("caller");
    await rig.answers(caller, "http://raw/");
    await raw.use({
      name: "guard",
      onRequest: (r) => r.path === "/in" ? new Response(null, { status: 403 }) : undefined,
    });
    await caller.use({
      name: "out",
      onRequest: (r) => r.path === "/out" ? new Response(null, { status: 451 }) : undefined,
    });
    const status = async (path: string) => {
      const response = await caller.fetch(`http://raw${path}`);
      await response.body?.cancel();
      return response.status;
    };
    assert.deepEqual([await status("/"), await status("/in"), await status("/out")], [200, 403, 451]);
  }));

Deno.test("without a mesh a filter is not called, which the log says", async () => {
  const lines: string[] = [];
  await using mesh = await Mesh.join({ enabled: false, logger: { log: (_level, line) => void lines.push(line) } });
  await using handle = await mesh.use({ name: "idle", onRequest: () => assert.fail("called") });
  assert.equal(handle.name, "idle");
  assert.match(lines.join(), /Filter 'idle' is not called: the mesh is switched off/);
});

Deno.test("a closed mesh takes no filter", () =>
  MeshRig.use(async (rig) => {
    const mesh = await rig.join("gone");
    await mesh.close();
    await assert.rejects(mesh.use({ name: "late" }), { code: "MESH_CLOSED" });
  }));
