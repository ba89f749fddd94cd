/** Wasm plugins in a whole mesh: what callers and servers see of them, and how they come and go. */
import assert from "node:assert/strict";
import { packAny } from "../../lib/protobuf/registry.ts";
import { filteredListener } from "../support/filtered_listener.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";
import { recorder, type RecorderActions } from "../support/wasm_recorder.ts";

/** An outbound listener at `10.1.1.1:7001` that leads to the service `web` through a plugin. */
function listener(actions: RecorderActions) {
  return filteredListener(7001, [
    {
      name: "default.plugin",
      typedConfig: packAny("envoy.extensions.filters.http.wasm.v3.Wasm", {
        config: { name: "default.plugin", vmConfig: { code: { local: { inlineBytes: recorder(actions) } } } },
      }),
    },
    { name: "istio.stats", typedConfig: packAny("stats.PluginConfig", {}) },
  ]);
}

const TEXT = `(data (i32.const 512) "x-wasm") (data (i32.const 520) "1") (data (i32.const 528) "content-length")
  (data (i32.const 544) "changed: ")`;
const ADD = (map: number) =>
  `(drop (call $add (i32.const ${map}) (i32.const 512) (i32.const 6) (i32.const 520) (i32.const 1)))
   (drop (call $remove (i32.const ${map}) (i32.const 528) (i32.const 14))) (i32.const 0)`;
const PREPEND = (buffer: number) =>
  `(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
   (drop (call $set_buffer (i32.const ${buffer}) (i32.const 0) (i32.const 0) (i32.const 544) (i32.const 9)))
   (i32.const 0)`;

Deno.test("a plugin changes headers and content in both directions, streamed or whole; another takes its place", async () => {
  await MeshRig.use(async (rig) => {
    await rig.serve("web", async (request) => {
      const text = await request.text();
      return new Response(`${request.headers.get("x-wasm")} ${text.length > 100 ? text.length : text}`);
    });
    const caller = await rig.join("caller");
    rig.istiod.push(TYPE.listener, [listener({
      requestHeaders: ADD(0),
      responseHeaders: ADD(2),
      requestBody: PREPEND(0),
      responseBody: PREPEND(1),
      more: TEXT,
    })]);
    await rig.istiod.settled();
    await rig.answers(caller, "http://10.1.1.1:7001/");
    const post = async (body: BodyInit | null) => {
      const response = await caller.fetch("http://10.1.1.1:7001/x", { method: "POST", body });
      assert.equal(response.headers.get("x-wasm"), "1");
      return await response.text();
    };
    assert.equal(await post("hello"), "changed: 1 changed: hello");
    assert.equal(await post(null), "changed: 1 ");
    const chunks = ReadableStream.from(Array.from({ length: 50 }, () => new Uint8Array(10_000).fill(97)));
    assert.equal(await post(chunks as unknown as BodyInit), "changed: 1 500009");
    assert.match(rig.log("caller").toString(), /wasm log default\.plugin: req-headers/);

    // Requests in flight keep their plugin; later ones have the new one.
    const slow = post(ReadableStream.from((async function* () {
      yield new TextEncoder().encode("a");
      rig.istiod.push(TYPE.listener, [listener({})]);
      await rig.istiod.settled();
      yield new TextEncoder().encode("b");
    })()) as unknown as BodyInit);
    assert.equal(await slow, "changed: 1 changed: ab");
    const after = await caller.fetch("http://10.1.1.1:7001/x", { method: "POST", body: "plain" });
    assert.equal(after.headers.get("x-wasm"), null);
    assert.equal(await after.text(), "null plain");
  });
});

Deno.test("a plugin answers by itself, also to content under way, and one that traps fails its own requests only", async () => {
  const reply = `(drop (call $reply (i32.const 403) (i32.const 512) (i32.const 4) (i32.const 520) (i32.const 6)
    (i32.const 0) (i32.const 0) (i32.const -1)))`;
  const more = `(data (i32.const 512) "deny") (data (i32.const 520) "denied")`;
  await MeshRig.use(async (rig) => {
    await rig.serve("web", async (request) => new Response(await request.text()));
    const caller = await rig.join("caller");
    rig.istiod.push(TYPE.listener, [
      listener({ requestBody: `(if (i32.gt_u (local.get $size) (i32.const 3)) (then ${reply})) (i32.const 0)`, more }),
    ]);
    await rig.istiod.settled();
    await rig.answers(caller, "http://10.1.1.1:7001/");
    const post = async (body: BodyInit) => {
      const response = await caller.fetch("http://10.1.1.1:7001/x", { method: "POST", body });
      return [response.status, await response.text()];
    };
    assert.deepEqual(await post("abc"), [200, "abc"]);
    assert.deepEqual(await post("abcd"), [403, "denied"]);
    assert.deepEqual(
      await post(ReadableStream.from((async function* () {
        yield new TextEncoder().encode("abc");
        await new Promise((resolve) => queueMicrotask(() => resolve(null)));
        yield new TextEncoder().encode("abcdef");
      })()) as unknown as BodyInit),
      [403, "denied"],
    );
    rig.istiod.push(TYPE.listener, [listener({ requestHeaders: "(unreachable)" })]);
    await rig.istiod.settled();
    await rig.answers(caller, "http://10.1.1.1:7001/", 503);
    assert.equal(await (await caller.fetch("http://web.default/", { method: "POST", body: "x" })).text(), "x");
  });
});

Deno.test("what a plugin answers is what is counted, wherever it came between", async () => {
  const reply = `(drop (call $reply (i32.const 403) (i32.const 512) (i32.const 4) (i32.const 520) (i32.const 6)
    (i32.const 0) (i32.const 0) (i32.const -1)))`;
  const more = `(data (i32.const 512) "deny") (data (i32.const 520) "denied")`;
  for (
    const actions of [
      { requestHeaders: `${reply} (i32.const 1)`, more },
      { requestBody: `${reply} (i32.const 1)`, more },
      { responseHeaders: `${reply} (i32.const 1)`, more },
    ]
  ) {
    await MeshRig.use(async (rig) => {
      await rig.serve("web", (request) => new Response(request.body));
      const caller = await rig.join("caller");
      rig.istiod.push(TYPE.listener, [listener(actions)]);
      await rig.istiod.settled();
      const body = () => ReadableStream.from([new Uint8Array(10), new Uint8Array(100_000)]) as unknown as BodyInit;
      const asked = async () => {
        const response = await caller.fetch("http://10.1.1.1:7001/", { method: "POST", body: body() });
        return [response.status, await response.text()];
      };
      assert.deepEqual(await asked(), [403, "denied"]);
      assert.deepEqual(await asked(), [403, "denied"]);
      let last = "";
      await until("both calls are counted", () => {
        const counted = caller.metrics().matchAll(
          /^istio_requests_total\{.*?response_code="(\d+)".*?response_flags="([^"]*)".*?\} (\d+)$/gm,
        );
        const lines = [...counted].map(([, code, flags, count]) => `${code} ${flags} ${count}`);
        last = lines.join("; ");
        return last === "403 - 2";
      }, 2_000).catch((error) => {
        throw new Error(`${error.message}: ${last}`);
      });
    });
  }
});
