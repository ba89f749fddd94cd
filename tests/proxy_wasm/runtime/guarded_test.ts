import assert from "node:assert/strict";
import { guardedRuntime } from "../../../lib/proxy_wasm/runtime/guarded.ts";
import type { HostFunction, WasmInstance } from "../../../lib/proxy_wasm/runtime/runtime.ts";
import { v8Runtime } from "../../../lib/proxy_wasm/runtime/v8.ts";
import { assemble } from "../../support/wasm_rig.ts";

const BUDGET_MS = 100;

async function instance(
  wat: string,
  functions: Record<string, HostFunction> = {},
  options: Parameters<typeof guardedRuntime>[0] = { budgetMs: BUDGET_MS },
): Promise<WasmInstance> {
  const runtime = guardedRuntime(options);
  return runtime.instantiate(await runtime.compile(assemble(`(module ${wat})`)), { env: functions });
}

/** Runs it, and says how many milliseconds it took until it was stopped. */
function stop(running: WasmInstance, name: string): { ms: number; message: string } {
  const start = performance.now();
  try {
    running.guard!(() => running.function(name)!());
  } catch (error) {
    return { ms: performance.now() - start, message: (error as Error).message };
  }
  throw new assert.AssertionError({ message: "It has come to an end by itself" });
}

const MEMORY = `(memory (export "memory") 1)`;
const LOOP = `(func (export "loop") (loop $l (br $l)))`;

Deno.test("a loop is stopped within twice its budget, and what comes after runs", async () => {
  const running = await instance(`${MEMORY} ${LOOP} (func (export "seven") (result i32) (i32.const 7))`);
  const { ms, message } = stop(running, "loop");
  assert.ok(ms >= BUDGET_MS && ms < 2 * BUDGET_MS, `${ms} ms`);
  assert.match(message, /it has run for more than 100 ms/);
  assert.equal(running.guard!(() => running.function("seven")!()), 7);
});

Deno.test("a loop of calls of the host is refused further calls once its budget is over", async () => {
  let half = 0;
  const step = () => {
    half++;
    const until = performance.now() + 0.2;
    while (performance.now() < until);
    half--;
  };
  const running = await instance(
    `(import "env" "step" (func $step)) ${MEMORY} (func (export "loop") (loop $l (call $step) (br $l)))`,
    { step },
    { budgetMs: 200 },
  );
  for (let i = 0; i < 3; i++) {
    stop(running, "loop");
    assert.equal(half, 0);
  }
});

Deno.test("the start section runs under the budget", async () => {
  const start = performance.now();
  await assert.rejects(instance(`${MEMORY} (func $f (loop $l (br $l))) (start $f)`), /run for more than 100 ms/);
  assert.ok(performance.now() - start < 4 * BUDGET_MS);
});

Deno.test("a task within a task has what is left of the outer one's time", async () => {
  const running = await instance(`${MEMORY} ${LOOP}`);
  const start = performance.now();
  assert.throws(() => running.guard!(() => running.guard!(() => running.function("loop")!())), /more than 100 ms/);
  assert.ok(performance.now() - start < 2 * BUDGET_MS);
});

Deno.test("what a task throws is thrown, and the next has its whole time", async () => {
  const running = await instance(`${MEMORY} (func (export "trap") unreachable)`);
  assert.match(stop(running, "trap").message, /unreachable/);
  assert.equal(running.guard!(() => 1), 1);
});

Deno.test("nothing that waits runs within a task", async () => {
  const running = await instance(MEMORY);
  const order: string[] = [];
  running.guard!(() => {
    queueMicrotask(() => order.push("microtask"));
    order.push("task");
  });
  order.push("after");
  await Promise.resolve();
  assert.deepEqual(order, ["task", "after", "microtask"]);
});

Deno.test("where the stack runs out, no function of the host is left half-way", async () => {
  let begun = 0;
  let done = 0;
  // Deep enough to run out of stack by itself, were there none to spare.
  const work = (depth: number): number => depth === 0 ? 0 : work(depth - 1) + 1;
  const note = () => {
    begun++;
    work(8);
    done++;
  };
  const running = await instance(
    `(import "env" "note" (func $note)) ${MEMORY} (func $f (export "f") (call $note) (call $f) (call $note))`,
    { note },
    { budgetMs: 5000 },
  );
  for (let i = 0; i < 20; i++) assert.match(stop(running, "f").message, /call stack/);
  assert.ok(begun > 1000);
  assert.equal(begun, done);
});

Deno.test("memory grows to the limit and not beyond", async () => {
  const options = { maxMemoryBytes: 3 * 65_536 + 100 };
  const grow = `(func (export "grow") (result i32) (memory.grow (i32.const 1)))`;
  for (
    const memory of [
      MEMORY,
      `(memory (export "memory") 1 1000)`,
      `(memory (import "env" "m") 1) (export "memory" (memory 0))`,
    ]
  ) {
    const running = await instance(`${memory} ${grow}`, {}, options);
    const grown = [1, 2, 3, 4].map(() => running.function("grow")!());
    assert.deepEqual(grown, [1, 2, -1, -1], memory);
    assert.equal(running.memory.buffer.byteLength, 3 * 65_536);
  }
});

Deno.test("a maximum of its own below the limit stays", async () => {
  const running = await instance(
    `(memory (export "memory") 1 2) (func (export "grow") (result i32) (memory.grow (i32.const 2)))`,
  );
  assert.equal(running.function("grow")!(), -1);
});

Deno.test("a module compiled without limits is not instantiated", async () => {
  const module = await v8Runtime.compile(assemble(`(module ${MEMORY})`));
  assert.throws(() => guardedRuntime().instantiate(module, {}), /it has no limits/);
});

Deno.test("limits that are none are refused", () => {
  for (const budgetMs of [0, -1, NaN, Infinity]) assert.throws(() => guardedRuntime({ budgetMs }), /'budgetMs' is/);
  for (const maxMemoryBytes of [0, 65_535, 2 ** 33, NaN]) {
    assert.throws(() => guardedRuntime({ maxMemoryBytes }), /'maxMemoryBytes' is/);
  }
});
