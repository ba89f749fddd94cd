/** A plugin that runs away in a whole mesh with the guarded runtime: it is stopped, and everything else goes on. */
import assert from "node:assert/strict";
import { packAny } from "../../lib/protobuf/registry.ts";
import type { JoinOptions, Mesh } from "../../mod.ts";
import { filteredListener } from "../support/filtered_listener.ts";
import { MeshRig, TYPE } from "../support/mesh_rig.ts";
import { recorder, type RecorderActions } from "../support/wasm_recorder.ts";

const BUDGET_MS = 100;
const GUARDED: JoinOptions = { wasm: { runtime: "guarded", budgetMs: BUDGET_MS, maxMemoryBytes: 4 * 65_536 } };

/** An outbound listener at `10.1.1.1:PORT` that leads to the service `web` through a plugin. */
function listener(port: number, actions: RecorderActions, options: object = {}, runtime = "envoy.wasm.runtime.v8") {
  const name = `10.1.1.1_${port}`;
  const vmConfig = { vmId: name, runtime, code: { local: { inlineBytes: recorder(actions) } } };
  const config = { name, vmConfig, ...options };
  return filteredListener(port, [{
    name: "default.plugin",
    typedConfig: packAny("envoy.extensions.filters.http.wasm.v3.Wasm", { config }),
  }]);
}

const LOOP_IF_ASKED = `(if (i32.ge_u (local.get $n) (i32.const 0)) (then
    (if (i32.eqz (call $get (i32.const 0) (i32.const 512) (i32.const 5) (i32.const 1024) (i32.const 1028)))
      (then (loop $l (br $l))))))
  (i32.const 0)`;
const MORE = `(data (i32.const 512) "x-run")`;

async function status(mesh: Mesh, port: number, headers: Record<string, string> = {}): Promise<number> {
  const response = await mesh.fetch(`http://10.1.1.1:${port}/`, { headers });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a plugin that runs away is stopped within twice its budget while other requests keep flowing", async () => {
  await MeshRig.use(async (rig) => {
    const gate = Promise.withResolvers<void>();
    await rig.serve("web", async (request) => {
      if (request.headers.has("x-wait")) await gate.promise;
      return new Response("ok");
    });
    const caller = await rig.join("caller", { join: GUARDED });
    rig.istiod.push(TYPE.listener, [
      listener(7001, { requestHeaders: LOOP_IF_ASKED, more: MORE }),
      listener(7002, { requestHeaders: LOOP_IF_ASKED, more: MORE }, { failurePolicy: "FAIL_OPEN" }),
      listener(7003, {}),
    ]);
    await rig.istiod.settled();
    for (const port of [7001, 7002, 7003]) await rig.answers(caller, `http://10.1.1.1:${port}/`);

    // Under way while others run away: through a plugin of its own, through the same, and past any plugin.
    const slow = [
      status(caller, 7001, { "x-wait": "1" }),
      status(caller, 7002, { "x-wait": "1" }),
      status(caller, 7003, { "x-wait": "1" }),
      caller.fetch("http://web.default/", { headers: { "x-wait": "1" } }).then(({ status }) => status),
    ];
    for (const [port, expected] of [[7001, 503], [7002, 200]] as const) {
      const others = Array.from({ length: 20 }, () => status(caller, 7003));
      let longest = 0;
      let last = performance.now();
      const watch = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 1);
      assert.equal(await status(caller, port, { "x-run": "1" }), expected);
      assert.deepEqual(await Promise.all(others), others.map(() => 200));
      clearInterval(watch);
      // Nothing else of the program stood still for longer than that either.
      assert.ok(longest < 2 * BUDGET_MS + 50, `${longest} ms`);
      assert.equal(await status(caller, port), expected);
      assert.equal(await status(caller, 7003), 200);
    }
    gate.resolve();
    assert.deepEqual(await Promise.all(slow), [503, 200, 200, 200]);
    assert.match(rig.log("caller").toString(), /it has run for more than 100 ms/);
  });
});

Deno.test("a plugin that grows away fails by itself; one that asks to be guarded is, whatever the mesh runs on", async () => {
  const grow = `(if (i32.eq (memory.grow (i32.const 60)) (i32.const -1)) (then (unreachable))) (i32.const 0)`;
  await MeshRig.use(async (rig) => {
    await rig.serve("web", () => new Response("ok"));
    const join = { wasm: { ...GUARDED.wasm, runtime: "v8" as const } };
    const caller = await rig.join("caller", { join });
    rig.istiod.push(TYPE.listener, [
      listener(7001, { requestHeaders: grow }, {}, "guarded"),
      listener(7002, { requestHeaders: grow }),
    ]);
    await rig.istiod.settled();
    await rig.answers(caller, "http://10.1.1.1:7001/", 503);
    await rig.answers(caller, "http://10.1.1.1:7002/");
  });
});
