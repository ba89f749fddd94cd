import assert from "node:assert/strict";
import { Status } from "../../../lib/proxy_wasm/abi.ts";
import { BareStream, OUT, WasmProbe } from "../../support/wasm_probe.ts";
import type { TestEnvironment } from "../../support/wasm_rig.ts";

/** A probe that keeps what it is told. */
function probeOf(environment?: TestEnvironment, vmId = "vm") {
  const probe = new WasmProbe(environment, { vm: { vmId } });
  const told: number[][] = [];
  probe.on({ onQueueReady: (root, queue) => void told.push([root - probe.root.id, queue]) });
  return { probe, told };
}

const register = (probe: WasmProbe, name: string) => probe.ok("proxy_register_shared_queue", name, OUT);
const enqueue = (probe: WasmProbe, queue: number, value: string) =>
  probe.call("proxy_enqueue_shared_queue", queue, value).status;

function dequeue(probe: WasmProbe, queue: number): string | number {
  const { status, text } = probe.call("proxy_dequeue_shared_queue", queue, OUT, OUT);
  return status === 0 ? text : status;
}

Deno.test("queues: items come first in, first out, from whichever VM; whoever registered is told once for each, later", async () => {
  const { probe: owner, told } = probeOf();
  const { environment } = owner;
  const { probe: other, told: otherTold } = probeOf(environment, "other");
  const stream = new BareStream(owner.root);
  const queue = owner.inside(() => register(owner, "q"), stream);
  assert.equal(register(owner, "q"), queue);
  assert.equal(other.ok("proxy_resolve_shared_queue", "vm", "q", OUT), queue);
  assert.equal(owner.ok("proxy_resolve_shared_queue", "", "q", OUT), queue);
  assert.equal(other.call("proxy_resolve_shared_queue", "", "q", OUT).status, Status.NOT_FOUND);
  assert.equal(dequeue(owner, queue), Status.EMPTY);
  assert.equal(dequeue(owner, 99), Status.NOT_FOUND);
  assert.equal(enqueue(owner, 99, "x"), Status.NOT_FOUND);
  for (const item of ["a", "", "c"]) assert.equal(enqueue(other, queue, item), Status.OK);
  assert.deepEqual(told, []);
  await environment.clock.advance(0);
  assert.deepEqual(told, [[0, queue], [0, queue], [0, queue]]);
  assert.deepEqual(otherTold, []);
  assert.deepEqual([dequeue(other, queue), dequeue(owner, queue), dequeue(owner, queue)], ["a", "", "c"]);
  assert.equal(dequeue(owner, queue), Status.EMPTY);
});

Deno.test("queues: the last to register is told, and nobody once it is gone; items stay", async () => {
  const { probe: first, told } = probeOf();
  const { environment } = first;
  const { probe: second, told: secondTold } = probeOf(environment);
  const queue = register(first, "q");
  assert.equal(register(second, "q"), queue);
  enqueue(first, queue, "a");
  await environment.clock.advance(0);
  assert.deepEqual([told.length, secondTold.length], [0, 1]);
  enqueue(first, queue, "b");
  second.root.close();
  await environment.clock.advance(0);
  assert.equal(secondTold.length, 1);
  assert.equal(dequeue(first, queue), "a");
  assert.equal(dequeue(first, queue), "b");
});

Deno.test("queues go with the last VM of the id that registered them", () => {
  const { probe: owner } = probeOf();
  const { probe: other } = probeOf(owner.environment, "other");
  const queue = register(owner, "q");
  enqueue(owner, queue, "secret");
  owner.vm.close();
  assert.equal(dequeue(other, queue), Status.NOT_FOUND);
  assert.equal(enqueue(other, queue, "x"), Status.NOT_FOUND);
  const { probe: next } = probeOf(owner.environment);
  const again = register(next, "q");
  assert.notEqual(again, queue);
  assert.equal(dequeue(next, again), Status.EMPTY);
});

Deno.test("queues: a module that adds to its own queue when told lets others run in between", async () => {
  const { probe, told } = probeOf();
  const queue = register(probe, "q");
  probe.on({
    onQueueReady(_root, id) {
      told.push([0, id]);
      assert.equal(dequeue(probe, id), "x");
      if (told.length < 5) enqueue(probe, id, "x");
    },
  });
  enqueue(probe, queue, "x");
  const { clock } = probe.environment;
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(0);
  assert.equal(told.length, 5);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("queues: a module that traps when told fails its own VM; other listeners are told", async () => {
  const { probe, told } = probeOf();
  const { environment } = probe;
  const { probe: other, told: otherTold } = probeOf(environment, "other");
  probe.on({
    onQueueReady() {
      told.push([]);
      throw new Error("Trap");
    },
  });
  const [one, two] = [register(probe, "q"), register(other, "q")];
  for (const queue of [one, one, two]) enqueue(other, queue, "x");
  await environment.clock.advance(0);
  assert.deepEqual([told.length, otherTold.length], [1, 1]);
  assert.notEqual(probe.vm.failure, null);
  assert.equal(other.vm.failure, null);
});

Deno.test("queues: there is an end to what one holds, and to how many there are", () => {
  const { probe } = probeOf();
  const queue = register(probe, "q");
  const item = "x".repeat(900_000);
  let count = 0;
  while (enqueue(probe, queue, item) === Status.OK) count++;
  assert.equal(count, 18);
  assert.equal(dequeue(probe, queue), item);
  assert.equal(enqueue(probe, queue, item), Status.OK);
  for (let i = 1; i < 1024; i++) register(probe, `q${i}`);
  assert.equal(probe.call("proxy_register_shared_queue", "more", OUT).status, Status.INTERNAL_FAILURE);
  assert.equal(register(probe, "q"), queue);
});

Deno.test("queues: pointers outside of the memory are refused, and no item is lost by them", () => {
  const { probe } = probeOf();
  const queue = register(probe, "q");
  enqueue(probe, queue, "x");
  const refused = Status.INVALID_MEMORY_ACCESS;
  assert.equal(probe.call("proxy_register_shared_queue", "r", -2).status, refused);
  assert.equal(probe.call("proxy_resolve_shared_queue", "", -8, 16, OUT).status, refused);
  assert.equal(probe.call("proxy_resolve_shared_queue", "", "q", -1).status, refused);
  assert.equal(probe.call("proxy_enqueue_shared_queue", queue, -8, 16).status, refused);
  assert.equal(probe.call("proxy_dequeue_shared_queue", queue, -1, OUT).status, refused);
  assert.equal(dequeue(probe, queue), "x");
});
