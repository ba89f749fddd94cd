import assert from "node:assert/strict";
import { readAll } from "../../lib/http/body.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import { wasmLayer } from "../../lib/proxy_wasm/http/wasm_layer.ts";
import type { PluginLease } from "../../lib/proxy_wasm/plugin_lease.ts";
import type { RootContext } from "../../lib/proxy_wasm/root_context.ts";
import { callOf, request as newRequest } from "../support/calls.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { recorder } from "../support/wasm_recorder.ts";
import { pluginConfig, proxyModule, TestEnvironment, wasmHost } from "../support/wasm_rig.ts";
import { textResponse, WasmStreamRig } from "../support/wasm_stream.ts";

const TRAP = { requestHeaders: "(unreachable)" };
/** Pauses of 1 s have 1014 ms with the randomness of the tests. */
const PAUSE_MS = 1014;

Deno.test("reload: as often as a VM fails, it is 503 until the pause is over, and then a new VM that is asked", async () => {
  await using rig = new WasmStreamRig(recorder(TRAP), { failurePolicy: "reload" });
  const { clock } = rig.environment;
  await rig.started();
  for (let i = 0; i < 3; i++) {
    const before = rig.logged.filter((line) => line.startsWith("start ")).length;
    for (let j = 0; j < 3; j++) {
      const { response } = await rig.send();
      assert.equal(response.status, 503);
      assert.equal(rig.call!.responseCodeDetails, "wasm_fail_stream");
    }
    assert.equal(rig.lease.handle.state, "failed");
    await clock.advance(PAUSE_MS - 1);
    await rig.send();
    assert.equal(rig.logged.filter((line) => line.startsWith("start ")).length, before, "before the pause is over");
    await clock.advance(1);
    await rig.send();
    assert.equal(rig.logged.filter((line) => line.startsWith("start ")).length, before + 1);
  }
  assert.equal(rig.host.vms, 0);
});

Deno.test("reload: a VM that ran for longer than the pause is replaced by the next request", async () => {
  // Fails for requests with one more field.
  const requestHeaders = `(if (i32.eq (local.get $n) (i32.const 5)) (then (unreachable))) (i32.const 0)`;
  await using rig = new WasmStreamRig(recorder({ requestHeaders }), { failurePolicy: "reload" });
  const first = await rig.started();
  await rig.environment.clock.advance(PAUSE_MS);
  assert.equal((await rig.send({ pairs: ["x-trap", "1"] })).response.status, 503);
  assert.equal((await rig.send()).response.status, 200);
  assert.notEqual(rig.lease.handle.root!.vm, first.vm);
  assert.ok(rig.environment.lines.some((line) => /warning Wasm plugin 'test' runs again/.test(line)));
});

Deno.test("closed and open: a VM that has failed is not replaced, however long it takes", async () => {
  for (const [failurePolicy, status] of [["closed", 503], ["open", 200]] as const) {
    await using rig = new WasmStreamRig(recorder(TRAP), { failurePolicy });
    await rig.send();
    await rig.environment.clock.advance(1e9);
    assert.equal((await rig.send()).response.status, status);
    assert.equal(rig.logged.filter((line) => line.startsWith("start ")).length, 1);
  }
});

Deno.test("reload: what has never run is not tried again, as in Envoy", async () => {
  await using rig = new WasmStreamRig(recorder({ configure: "(i32.const 0)" }), { failurePolicy: "reload" });
  await rig.lease.handle.settled;
  await rig.environment.clock.advance(1e6);
  assert.equal((await rig.send()).response.status, 503);
  assert.equal(rig.logged.filter((line) => line.startsWith("start ")).length, 1);
});

Deno.test("reload: a plugin that cannot be started again is tried again after another pause", async () => {
  // The module accepts its configuration during the first half second only.
  const UNTIL_NS = 1_700_000_000_500_000_000n;
  const module = proxyModule(
    `(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
     (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))`,
    `(data (i32.const 0) "configure")
     (func (export "proxy_on_configure") (param i32 i32) (result i32)
       (drop (call $log (i32.const 2) (i32.const 0) (i32.const 9)))
       (drop (call $now (i32.const 1024)))
       (i64.lt_u (i64.load (i32.const 1024)) (i64.const ${UNTIL_NS})))
     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)`,
  );
  await using rig = new WasmStreamRig(module, { failurePolicy: "reload" });
  await rig.started();
  for (let tries = 1; tries < 5; tries++) {
    await rig.send();
    await rig.send();
    assert.equal(rig.logged.length, tries);
    assert.equal(rig.lease.handle.state, "failed");
    await rig.environment.clock.advance(PAUSE_MS);
  }
  assert.equal(rig.environment.lines.filter((line) => /Cannot start again Wasm plugin/.test(line)).length, 3);
  assert.equal(rig.host.vms, 0);
});

Deno.test("plugins that share a VM fail together, and are started again into one", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const code = recorder({ requestHeaders: "(unreachable)" });
  const leases = ["a", "b"].map((rootId) => host.acquire(pluginConfig(code, { rootId, failurePolicy: "reload" })));
  await Promise.all(leases.map(({ handle }) => handle.settled));
  const roots = leases.map(({ handle }) => handle.root!);
  assert.equal(roots[0]!.vm, roots[1]!.vm);
  roots[0]!.vm.run(roots[0]!, roots[0]!.vm.exports.onRequestHeaders, roots[0]!.id, 0, 1);
  assert.deepEqual(leases.map(({ handle }) => handle.state), ["failed", "failed"]);
  await environment.clock.advance(PAUSE_MS);
  const again = leases.map(({ handle }) => handle.acquireRoot()!);
  assert.equal(again[0]!.vm, again[1]!.vm);
  assert.notEqual(again[0]!.vm, roots[0]!.vm);
  assert.equal(host.vms, 1);
  for (const lease of leases) lease.release();
});

Deno.test("a request under way keeps its plugin when the configuration changes; the new one serves meanwhile", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const old = host.acquire(pluginConfig(recorder()));
  await old.handle.settled;
  const root = old.handle.root!;
  const gate = Promise.withResolvers<void>();
  const begin = (lease: PluginLease, answer: Promise<HttpResponse>) => {
    const request = newRequest();
    const call = callOf(request);
    return { response: wasmLayer(lease, "wasm")(() => answer)(request, call), call };
  };
  const waiting = begin(old, gate.promise.then(() => textResponse("late")));

  // Another configuration of the same code: another root, in the same VM.
  const successor = host.acquire(pluginConfig(recorder(), { rootId: "new" }));
  await successor.handle.settled;
  old.release();
  assert.equal(root.closed, false);
  const next = begin(successor, Promise.resolve(textResponse("new")));
  assert.equal((await next.response).status, 200);
  next.call.exchange.complete();
  environment.lines.length = 0;
  gate.resolve();
  const response = await waiting.response;
  assert.equal(new TextDecoder().decode((await readAll(response.body))!), "late");
  waiting.call.exchange.complete();
  assert.deepEqual(environment.logged, [
    "res-headers 1 0",
    "res-body 4 1",
    "log 2 0",
    "done 2 0",
    "delete 2 0",
    "done 1 0",
    "delete 1 0",
  ]); // deno-fmt-ignore
  assert.equal(root.closed, true);
  assert.equal(host.vms, 1);
  successor.release();
});

/** The instance of a VM, by one of its functions, which it lives and dies with. */
function instanceOf(root: RootContext): WeakRef<object> {
  return new WeakRef(root.vm.exports.onLog!);
}

for (const runtime of ["v8", "guarded"]) {
  Deno.test(`1,000 VMs made and dropped leave nothing behind (${runtime})`, async () => {
    const host = wasmHost();
    const code = recorder();
    const made: WeakRef<object>[] = [];
    const round = async (from: number) => {
      const leases: PluginLease[] = [];
      for (let i = from; i < from + 100; i++) {
        leases.push(host.acquire(pluginConfig(code, { vm: { vmId: `${i}`, runtime } })));
      }
      for (const { handle } of leases) {
        await handle.settled;
        const root = handle.root!;
        made.push(new WeakRef(root), new WeakRef(root.vm), new WeakRef(root.vm.exports.onLog!));
      }
      for (const lease of leases) lease.release();
    };
    for (let i = 0; i < 1000; i += 100) await round(i);
    assert.equal(made.length, 3000);
    const left = () => made.filter((reference) => reference.deref() !== undefined).length;
    await collectGarbage(() => left() === 0);
    assert.equal(left(), 0);
    assert.equal(host.vms, 0);
    assert.equal(host.plugins, 0);
    assert.equal(host.modules, 1);
  });
}

Deno.test("a module that never says that it is done is ended after half a minute", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const lease = host.acquire(pluginConfig(recorder({ done: "(i32.const 0)" })));
  await lease.handle.settled;
  lease.release();
  await environment.clock.advance(29_999);
  assert.equal(host.vms, 1);
  await environment.clock.advance(1);
  assert.equal(host.vms, 0);
  assert.equal(environment.logged.at(-1), "delete 1 0");
  assert.equal(environment.clock.pendingTimers, 0);
});

Deno.test("a layer that nothing refers to any more ends its plugin", async () => {
  const host = wasmHost();
  const make = async () => {
    host.layer(pluginConfig(recorder()), "wasm");
    await host.acquire(pluginConfig(recorder())).handle.settled;
  };
  await make();
  assert.equal(host.vms, 1);
  await collectGarbage(() => host.vms === 0);
  assert.equal(host.plugins, 0);
  assert.equal(host.vms, 0);
});

Deno.test("a VM that has failed lets its instance go at once, whoever still holds a stream of it", async () => {
  await using rig = new WasmStreamRig(recorder({ responseHeaders: "(unreachable)" }));
  const root = await rig.started();
  const instance = instanceOf(root);
  const gate = Promise.withResolvers<void>();
  rig.upstream = () => gate.promise.then(() => textResponse("late"));
  const waiting = rig.begin();
  const held = rig.call!;
  rig.upstream = () => Promise.resolve(textResponse("now"));
  assert.equal((await rig.send()).response.status, 503);
  await collectGarbage(() => instance.deref() === undefined);
  assert.equal(instance.deref(), undefined);
  gate.resolve();
  assert.equal((await waiting).status, 503);
  held.exchange.complete();
});
