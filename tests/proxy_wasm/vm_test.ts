import assert from "node:assert/strict";
import { RequestHeaders } from "../../lib/proxy_wasm/http/request_headers.ts";
import { Context } from "../../lib/proxy_wasm/context.ts";
import type { HeaderMap } from "../../lib/proxy_wasm/header_map.ts";
import type { RootContext } from "../../lib/proxy_wasm/root_context.ts";
import { request } from "../support/calls.ts";
import { recorder } from "../support/wasm_recorder.ts";
import { assemble, proxyModule, TestEnvironment, vmOf } from "../support/wasm_rig.ts";

/** A stream with the headers of a request, and no life of its own. */
class TestStream extends Context {
  readonly #root: RootContext;
  readonly #headers: HeaderMap;
  readonly request = request({ pairs: ["x-raw", "\xff\xfe", "x-two", "1", "x-two", "2"] });

  constructor(root: RootContext) {
    super(root.vm, root.vm.nextId());
    this.#root = root;
    this.#headers = new RequestHeaders(this.request);
    root.vm.add(this);
  }

  override get root(): RootContext {
    return this.#root;
  }

  override headerMap(): HeaderMap {
    return this.#headers;
  }
}

Deno.test("a root is created, the VM started, and the plugin configured, each with the size of what it can read", () => {
  const environment = new TestEnvironment();
  const configure =
    `(drop (call $get_buffer (i32.const 7) (i32.const 1) (i32.const -1) (i32.const 1024) (i32.const 1028)))
    (call $show)
    (drop (call $get_buffer (i32.const 6) (i32.const 0) (i32.const 2) (i32.const 1024) (i32.const 1028)))
    (call $show) (i32.const 1)`;
  const { root, vm } = vmOf(recorder({ configure }), environment, {
    configuration: new TextEncoder().encode("plugin"),
    vm: { configuration: new TextEncoder().encode("vm!") },
  });
  assert.equal(root.start(), true);
  assert.deepEqual(environment.logged, ["create 1 0", "start 1 3", "configure 1 6", "lugin", "vm"]);
  root.close();
  assert.deepEqual(environment.logged.slice(-2), ["done 1 0", "delete 1 0"]);
  assert.equal(vm.size, 0);
  assert.equal(root.configurationBuffer(7), null);
});

Deno.test("a root that is not done yet is deleted when it says so", () => {
  const environment = new TestEnvironment();
  const { root, vm } = vmOf(recorder({ done: "(i32.const 0)", tick: "(drop (call $proxy_done))" }), environment);
  root.start();
  root.close();
  assert.deepEqual(environment.logged.slice(-1), ["done 1 0"]);
  assert.equal(vm.size, 1);
  vm.run(root, vm.exports.onTick, root.id);
  assert.deepEqual(environment.logged.slice(-2), ["tick 1 0", "delete 1 0"]);
  assert.equal(vm.size, 0);
});

Deno.test("a module that says no version, has no memory or wants what is not there is refused with a reason", () => {
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [assemble(`(module (memory (export "memory") 1))`), /Cannot tell the version of the interface/],
    [assemble(`(module (func (export "proxy_abi_version_0_2_0")))`), /exports no memory/],
    [proxyModule(`(import "env" "table" (table 1 funcref))`, ""), /Cannot start the VM of 'test'/],
    [proxyModule("", `(func (export "_initialize") unreachable)`), /failed with 'unreachable'/],
    [
      proxyModule(
        `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`,
        `(func (export "_start") (call $exit (i32.const 3)))`,
      ),
      /has exited with code 3/,
    ],
  ];
  for (const [bytes, reason] of cases) assert.throws(() => vmOf(bytes), reason);
});

Deno.test("functions the host does not know are there and refuse", () => {
  const environment = new TestEnvironment();
  const { root, vm } = vmOf(
    proxyModule(
      `(import "env" "proxy_unheard_of" (func $unheard (param i32) (result i32)))
       (import "other" "thing" (func $thing (result i32)))
       (import "wasi_snapshot_preview1" "path_magic" (func $magic (result i32)))`,
      `(func (export "proxy_on_done") (param i32) (result i32)
         (i32.add (i32.add (call $unheard (i32.const 1)) (i32.mul (call $thing) (i32.const 100)))
           (i32.mul (call $magic) (i32.const 10000))))`,
    ),
    environment,
  );
  assert.equal(vm.run(root, vm.exports.onDone, root.id), 521212);
});

Deno.test("capabilities: what a module may not use refuses, and is not called", () => {
  const environment = new TestEnvironment();
  const { root, vm } = vmOf(
    proxyModule(
      `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
       (import "env" "proxy_get_log_level" (func $level (param i32) (result i32)))
       (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))`,
      `(func (export "proxy_on_done") (param i32) (result i32)
         (i32.add (i32.add (call $log (i32.const 2) (i32.const 0) (i32.const 0))
           (i32.mul (call $yield) (i32.const 100))) (i32.mul (call $level (i32.const 0)) (i32.const 10000))))
       (func (export "proxy_on_tick") (param i32) unreachable)`,
    ),
    environment,
    { vm: { capabilities: new Set(["proxy_get_log_level", "proxy_on_done"]) } },
  );
  assert.equal(vm.run(root, vm.exports.onDone, root.id), 10 + 7600);
  assert.deepEqual(environment.lines, []);
  assert.equal(vm.exports.onTick, null);
});

Deno.test("a trap fails the VM and nothing else: it is told once, and the module never runs again", () => {
  const environment = new TestEnvironment();
  const { root, vm } = vmOf(recorder({ tick: "(unreachable)" }), environment);
  root.start();
  const told: string[] = [];
  vm.onFailure((failure) => told.push(failure.message));
  vm.run(root, vm.exports.onTick, root.id);
  assert.equal(vm.failure === null, false);
  assert.equal(told.length, 1);
  const lines = environment.logged.length;
  vm.run(root, vm.exports.onTick, root.id);
  root.close();
  assert.equal(environment.logged.length, lines);
  assert.equal(vm.size, 0);
});

Deno.test("a stack that overflows fails the VM only", () => {
  const more = `(func $down (call $down))`;
  const { root, vm } = vmOf(recorder({ tick: "(call $down)", more }));
  root.start();
  vm.run(root, vm.exports.onTick, root.id);
  assert.match(vm.failure!.message, /call stack/);
});

Deno.test("the effective context: host functions act on it until the callback returns; unknown ones are refused", () => {
  const environment = new TestEnvironment();
  const more = `(data (i32.const 512) "x-seen") (data (i32.const 520) "yes")`;
  const tick = `(if (i32.ne (call $effective (i32.const 99)) (i32.const 2)) (then (unreachable)))
    (drop (call $effective (i32.const 2)))
    (drop (call $add (i32.const 0) (i32.const 512) (i32.const 6) (i32.const 520) (i32.const 3)))`;
  const { root, vm } = vmOf(recorder({ tick, more }), environment);
  root.start();
  const stream = new TestStream(root);
  vm.run(root, vm.exports.onTick, root.id);
  assert.equal(vm.failure, null);
  assert.equal(stream.request.headers.get("x-seen"), "yes");
  assert.equal(vm.context, null);
});

Deno.test("an effective context that dies leaves host functions with their own", () => {
  const { root, vm } = vmOf(recorder());
  const stream = new TestStream(root);
  vm.run(root, () => {
    assert.equal(vm.setEffective(stream.id), true);
    assert.equal(vm.context, stream);
    vm.remove(stream);
    assert.equal(vm.context, root);
    return 0;
  });
});

Deno.test("header values that are no UTF-8 reach the module and come back as they are", () => {
  const environment = new TestEnvironment();
  const more = `(data (i32.const 512) "x-raw") (data (i32.const 520) "x-copy")`;
  const tick = `(drop (call $effective (i32.const 2)))
    (drop (call $get (i32.const 0) (i32.const 512) (i32.const 5) (i32.const 1024) (i32.const 1028)))
    (drop (call $add (i32.const 0) (i32.const 520) (i32.const 6) (i32.load (i32.const 1024)) (i32.load (i32.const 1028))))`;
  const { root, vm } = vmOf(recorder({ tick, more }), environment);
  root.start();
  const stream = new TestStream(root);
  vm.run(root, vm.exports.onTick, root.id);
  assert.equal(stream.request.headers.get("x-copy"), "\xff\xfe");
});

Deno.test("while the module starts or allocates there is no context: host functions refuse, logging works", () => {
  const environment = new TestEnvironment();
  const module = assemble(`(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "x-raw") (data (i32.const 8) "hello")
    (global $status (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_0"))
    (func $try (result i32)
      (drop (call $log (i32.const 2) (i32.const 8) (i32.const 5)))
      (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 1024) (i32.const 1028)))
    (func (export "_initialize") (global.set $status (call $try)))
    (func (export "malloc") (param i32) (result i32)
      (global.set $status (i32.add (global.get $status) (i32.mul (i32.const 100) (call $try))))
      (i32.const 2048))
    (func (export "proxy_on_tick") (param i32)
      (drop (call $try)))
    (func (export "proxy_on_done") (param i32) (result i32) (global.get $status)))`);
  const { root, vm } = vmOf(module, environment);
  const stream = new TestStream(root);
  vm.run(stream, vm.exports.onTick, stream.id);
  assert.equal(vm.failure, null);
  assert.equal(vm.run(stream, vm.exports.onDone, stream.id), 1010);
  assert.deepEqual(environment.logged, ["hello", "hello", "hello"]);
});

Deno.test("the first version: what is missing is empty, and configurations are asked for by themselves", () => {
  const environment = new TestEnvironment();
  const module = (marker: string) =>
    proxyModule(
      `(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
       (import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
       (import "env" "proxy_continue_request" (func $continue))`,
      `(data (i32.const 0) "x-none")
       (func (export "proxy_on_tick") (param i32) (call $continue))
       (func (export "proxy_on_configure") (param i32 i32) (result i32)
         (drop (call $configuration (i32.const 1024) (i32.const 1028)))
         (i32.eq (i32.load (i32.const 1028)) (i32.const 6)))
       (func (export "proxy_on_done") (param i32) (result i32)
         (call $get (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 1024) (i32.const 1028)))`,
      marker,
    );
  for (const [marker, status] of [["proxy_abi_version_0_1_0", 0], ["proxy_abi_version_0_2_0", 1]] as const) {
    const { root, vm } = vmOf(module(marker), environment, { configuration: new TextEncoder().encode("plugin") });
    assert.equal(root.start(), true);
    const stream = new TestStream(root);
    assert.equal(vm.run(stream, vm.exports.onDone, stream.id), status);
    vm.run(stream, vm.exports.onTick, stream.id);
    assert.equal(vm.failure, null);
  }
});

Deno.test("numbers of contexts are not given again while they live", () => {
  const { root, vm } = vmOf(recorder());
  const seen = new Set([root.id]);
  for (let i = 0; i < 1000; i++) {
    const stream = new TestStream(root);
    assert.equal(seen.has(stream.id), false);
    seen.add(stream.id);
  }
  assert.equal(vm.size, 1001);
});
