import assert from "node:assert/strict";
import { wasiCalls } from "../../../lib/proxy_wasm/host/wasi_calls.ts";
import type { HostFunction } from "../../../lib/proxy_wasm/runtime/runtime.ts";
import { recorder } from "../../support/wasm_recorder.ts";
import { TestEnvironment, vmOf } from "../../support/wasm_rig.ts";

function rig() {
  const environment = new TestEnvironment();
  const { vm, root } = vmOf(recorder(), environment, { vm: { environment: new Map([["A", "1"], ["BÉ", "2"]]) } });
  const calls = wasiCalls(vm);
  const call = (name: string, ...args: (number | bigint)[]) =>
    (calls[name] as unknown as (...args: (number | bigint)[]) => ReturnType<HostFunction>)(...args);
  return { environment, vm, root, call, memory: vm.memory };
}

Deno.test("WASI: output is a log line, information and errors, without the last newline", () => {
  const { environment, call, memory, vm, root } = rig();
  memory.write(512, new TextEncoder().encode("hello\nworld\n"));
  memory.writeU32(600, 512);
  memory.writeU32(604, 6);
  memory.writeU32(608, 518);
  memory.writeU32(612, 6);
  vm.run(root, () => {
    assert.equal(call("fd_write", 1, 600, 2, 700), 0);
    assert.equal(call("fd_write", 2, 608, 1, 704), 0);
    return 0;
  });
  assert.deepEqual(environment.lines, ["info wasm log test: hello\nworld", "error wasm log test: world"]);
  assert.equal(memory.readU32(700), 12);
  assert.equal(call("fd_write", 3, 600, 1, 700), 8);
  assert.equal(call("fd_write", 1, -1, 1, 700), 21);
  memory.writeU32(604, 0x7fffffff);
  assert.equal(call("fd_write", 1, 600, 1, 700), 21);
});

Deno.test("WASI: the same memory named again and again is not written without end", () => {
  const { call, memory } = rig();
  for (let i = 0; i < 64; i++) {
    memory.writeU32(600 + i * 8, 0);
    memory.writeU32(604 + i * 8, 65536);
  }
  assert.equal(call("fd_write", 1, 600, 64, 2000), 28);
});

Deno.test("WASI: environment variables come from the configuration, as UTF-8", () => {
  const { call, memory } = rig();
  assert.equal(call("environ_sizes_get", 512, 516), 0);
  assert.equal(memory.readU32(512), 2);
  assert.equal(memory.readU32(516), 10);
  assert.equal(call("environ_get", 520, 600), 0);
  assert.equal(memory.readU32(524), 604);
  assert.equal(memory.text(600, 10), "A=1\0B\xc3\x89=2\0");
  assert.equal(call("args_sizes_get", 512, 516), 0);
  assert.equal(memory.readU32(512), 0);
});

Deno.test("WASI: clocks, randomness and polling are there; files and sockets are not", async () => {
  const { call, memory, environment } = rig();
  await environment.clock.advance(1500);
  assert.equal(call("clock_time_get", 0, 1n, 512), 0);
  assert.equal(memory.readU64(512), BigInt(environment.clock.now()) * 1_000_000n);
  assert.equal(call("clock_time_get", 2, 1n, 512), 52);
  assert.equal(call("clock_res_get", 1, 512), 0);
  assert.equal(call("random_get", 600, 4), 0);
  assert.equal(memory.readU32(600), 0x07070707);
  assert.equal(call("random_get", 600, 65537), 28);
  assert.equal(call("random_get", -1, 4), 21);
  memory.writeU32(512, 9);
  assert.equal(call("poll_oneoff", 0, 0, 1, 512), 0);
  assert.equal(memory.readU32(512), 0);
  assert.equal(call("fd_fdstat_get", 1, 520), 0);
  assert.equal(memory.readU64(528), 64n);
  const refused: Readonly<Record<string, number>> = {
    fd_read: 52,
    fd_seek: 0,
    fd_close: 0,
    fd_prestat_get: 8,
    fd_prestat_dir_name: 52,
    path_open: 44,
    path_unlink_file: 58,
    sock_send: 58,
    sched_yield: 0,
  }; // deno-fmt-ignore
  for (const [name, errno] of Object.entries(refused)) assert.equal(call(name, 0, 0, 0, 0), errno, name);
  assert.throws(() => call("proc_exit", 7), /exited with code 7/);
});
