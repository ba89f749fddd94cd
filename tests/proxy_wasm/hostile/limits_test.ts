/** Modules that run away, ask for too much, or are broken where it hurts: what becomes of them, and of nobody else. */
import assert from "node:assert/strict";
import { recorder, type RecorderActions } from "../../support/wasm_recorder.ts";
import { pluginConfig, proxyModule, TestEnvironment, wasmHost } from "../../support/wasm_rig.ts";
import { bytesBody, WasmStreamRig } from "../../support/wasm_stream.ts";

/** The default budget of the guarded runtime. */
const BUDGET_MS = 100;
const LOOP = "(loop $l (br $l))";
const GUARDED = { vm: { runtime: "guarded" } };

const CALLBACKS: readonly [string, RecorderActions, number][] = [
  ["request headers", { requestHeaders: `${LOOP} (i32.const 0)` }, 503],
  ["request content", { requestBody: `${LOOP} (i32.const 0)` }, 503],
  ["response headers", { responseHeaders: `${LOOP} (i32.const 0)` }, 503],
  ["the log", { log: LOOP }, 200],
  ["its end", { done: `${LOOP} (i32.const 0)` }, 200],
];
for (const [what, actions, status] of CALLBACKS) {
  Deno.test(`a loop at ${what} is stopped, and fails its VM`, async () => {
    await using rig = new WasmStreamRig(recorder(actions), GUARDED);
    const { vm } = await rig.started();
    const start = performance.now();
    const { response } = await rig.send({ body: bytesBody("hello") });
    const took = performance.now() - start;
    assert.ok(took >= BUDGET_MS && took < 2 * BUDGET_MS, `${took} ms`);
    assert.equal(response.status, status);
    assert.match(vm.failure!.message, /it has run for more than 100 ms/);
    assert.equal((await rig.send()).response.status, 503);
  });
}

Deno.test("a loop at the start of the module, or while it is configured, keeps it from running", async () => {
  const environment = new TestEnvironment();
  const host = wasmHost(environment);
  const modules = [
    recorder({ configure: `${LOOP} (i32.const 1)` }),
    proxyModule("", `(func (export "_initialize") ${LOOP})`),
    proxyModule("", `(func $start ${LOOP}) (start $start)`),
  ];
  for (const module of modules) {
    const lease = host.acquire(pluginConfig(module, GUARDED));
    await lease.handle.settled;
    assert.equal(lease.handle.state, "failed");
    lease.release();
  }
  assert.equal(environment.lines.filter((line) => /run for more than 100 ms/.test(line)).length, 4);
  assert.equal(host.vms, 0);
});

Deno.test("an allocator that loops or traps fails its VM; one that asks the host again is refused", async () => {
  const module = (allocate: string) =>
    proxyModule(
      `(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))`,
      `(data (i32.const 0) "plugin_name")
       (func (export "malloc") (param i32) (result i32) ${allocate})
       (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
         (drop (call $get (i32.const 0) (i32.const 11) (i32.const 1024) (i32.const 1028))) (i32.const 0))`,
    ).slice();
  const again = `(drop (call $get (i32.const 0) (i32.const 11) (i32.const 1024) (i32.const 1028))) (i32.const 0)`;
  const cases = [[`${LOOP} (i32.const 0)`, 503], ["unreachable", 503], [again, 200]] as const;
  for (const [allocate, status] of cases) {
    const code = renameAllocator(module(allocate));
    await using rig = new WasmStreamRig(code, GUARDED);
    assert.equal((await rig.send()).response.status, status);
  }
});

/** The rig's modules have an allocator of their own, which is asked first: its export gets another name. */
function renameAllocator(code: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode("proxy_on_memory_allocate");
  for (let at = 0; at + name.length <= code.length; at++) {
    if (name.every((byte, i) => code[at + i] === byte)) code[at] = "x".charCodeAt(0);
  }
  return code;
}

/** Calls a function of the host in a loop, and gives how many of the calls were answered with success. */
async function successes(imports: string, call: string, rounds: number): Promise<number> {
  const module = proxyModule(
    imports,
    `(data (i32.const 0) "x-a") (data (i32.const 16) "some value")
     (global $ok (mut i32) (i32.const 0))
     (func (export "proxy_on_tick") (param i32) (nop))
     (func (export "proxy_on_log") (param i32) (i32.store (i32.const 2000) (global.get $ok)))
     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
       (local $i i32)
       (loop $next
         (i32.store8 (i32.const 2) (i32.add (i32.const 97) (i32.rem_u (local.get $i) (i32.const 26))))
         (if (i32.eqz ${call}) (then (global.set $ok (i32.add (global.get $ok) (i32.const 1)))))
         (local.set $i (i32.add (local.get $i) (i32.const 1)))
         (br_if $next (i32.lt_u (local.get $i) (i32.const ${rounds}))))
       (i32.const 0))`,
  );
  await using rig = new WasmStreamRig(module);
  const { vm } = await rig.started();
  await rig.send();
  assert.equal(vm.failure, null);
  return vm.memory.readU32(2000)!;
}

const FIVE = "(param i32 i32 i32 i32 i32) (result i32)";

Deno.test("headers: a module adds as many as the limit, and none longer than it", async () => {
  const add = `(import "env" "proxy_add_header_map_value" (func $add ${FIVE}))`;
  const short = "(call $add (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 10))";
  assert.equal(await successes(add, short, 3000), 1024);
  const long = "(call $add (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 4096) (i32.const 65537))";
  assert.equal(await successes(add, long, 3), 0);
});

Deno.test("properties: a module sets as many as the limit, and none longer than it", async () => {
  const set = `(import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))`;
  const short = "(call $set (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 10))";
  assert.equal(await successes(set, short, 1000), 256);
  assert.equal(await successes(set, "(call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 65537))", 3), 0);
  assert.equal(await successes(set, "(call $set (i32.const 0) (i32.const 4097) (i32.const 0) (i32.const 1))", 3), 0);
});

Deno.test("output: a module writes in no more pieces than the limit", async () => {
  const write = `(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`;
  const call = (count: number) => `(call $write (i32.const 1) (i32.const 4096) (i32.const ${count}) (i32.const 1024))`;
  assert.equal(await successes(write, call(1024), 1), 1);
  assert.equal(await successes(write, call(1025), 1), 0);
  assert.equal(await successes(write, call(-1), 1), 0);
});
