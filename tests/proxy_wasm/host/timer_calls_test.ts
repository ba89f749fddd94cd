import assert from "node:assert/strict";
import { Status } from "../../../lib/proxy_wasm/abi.ts";
import type { Clock, Timer } from "../../../lib/internal/clock.ts";
import type { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { recorder } from "../../support/wasm_recorder.ts";
import { BareStream, WasmProbe } from "../../support/wasm_probe.ts";
import { proxyModule, TestEnvironment, vmOf } from "../../support/wasm_rig.ts";

function setUp(): { probe: WasmProbe; clock: FakeClock; ticks: number[] } {
  const probe = new WasmProbe();
  const { clock } = probe.environment;
  const ticks: number[] = [];
  probe.on({ onTick: () => void ticks.push(clock.monotonic()) });
  return { probe, clock, ticks };
}

const SET = "proxy_set_tick_period_milliseconds";

Deno.test("a module that sets its period while it is configured ticks", async () => {
  const environment = new TestEnvironment();
  const bytes = proxyModule(
    `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
     (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))`,
    `(data (i32.const 0) "tick")
     (func (export "proxy_on_configure") (param i32 i32) (result i32)
       (i32.eqz (call $period (i32.const 1000))))
     (func (export "proxy_on_tick") (param i32)
       (drop (call $log (i32.const 2) (i32.const 0) (i32.const 4))))`,
  );
  const { root } = vmOf(bytes, environment);
  assert.equal(root.start(), true);
  await environment.clock.advance(999);
  assert.deepEqual(environment.logged, []);
  await environment.clock.advance(2001);
  assert.deepEqual(environment.logged, ["tick", "tick", "tick"]);
  root.close();
  assert.equal(environment.clock.pendingTimers, 0);
});

/** A clock on which timers fire when the test says so, however late. */
class LateClock implements Clock {
  time = 0;
  pending: { at: number; callback: () => void } | null = null;

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  timer(ms: number, callback: () => void): Timer {
    const pending = this.pending = { at: this.time + ms, callback };
    return { cancel: () => void (this.pending = this.pending === pending ? null : this.pending) };
  }

  /** Fires the timer at that time. */
  fire(at: number): void {
    this.time = at;
    const { callback } = this.pending!;
    this.pending = null;
    callback();
  }
}

function setUpLate() {
  const environment = new TestEnvironment();
  const clock = new LateClock();
  Object.defineProperty(environment, "timers", { value: clock });
  const probe = new WasmProbe(environment);
  let ticks = 0;
  probe.on({ onTick: () => void ticks++ });
  return { probe, clock, ticks: () => ticks };
}

Deno.test("a late tick does not move those after it; those that were missed are left out", () => {
  const { probe, clock, ticks } = setUpLate();
  probe.call(SET, 100);
  const due: number[] = [];
  for (const late of [100, 209, 300, 1450, 1555]) {
    due.push(clock.pending!.at);
    clock.fire(late);
  }
  assert.deepEqual(due, [100, 200, 300, 400, 1550]);
  assert.equal(clock.pending!.at, 1650);
  assert.equal(ticks(), 5);
});

Deno.test("a tick that is due while the module runs comes after it, unless the period has been changed by then", () => {
  const { probe, clock, ticks } = setUpLate();
  probe.call(SET, 100);
  let during = -1;
  probe.inside(() => {
    clock.fire(100);
    during = ticks();
  });
  assert.equal(during, 0);
  assert.equal(ticks(), 1);
  probe.inside(() => {
    clock.fire(200);
    probe.call(SET, 50);
  });
  assert.equal(ticks(), 1);
  assert.equal(clock.pending!.at, 250);
  probe.inside(() => {
    clock.fire(250);
    probe.call(SET, 0);
  });
  assert.equal(ticks(), 1);
  assert.equal(clock.pending, null);
});

Deno.test("a period is changed and ended at any time, also within a tick, and belongs to the root", async () => {
  const { probe, clock, ticks } = setUp();
  const stream = new BareStream(probe.root);
  probe.inside(() => probe.call(SET, 100), stream);
  await clock.advance(100);
  assert.deepEqual(ticks.splice(0), [100]);
  probe.call(SET, 250);
  await clock.advance(250);
  assert.deepEqual(ticks.splice(0), [350]);
  probe.on({
    onTick() {
      ticks.push(clock.monotonic());
      probe.call(SET, ticks.length === 1 ? 10 : 0);
    },
  });
  await clock.advance(1000);
  assert.deepEqual(ticks, [600, 610]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("ticks end with their root and with their VM", async () => {
  for (const how of ["root", "vm"]) {
    const { probe, clock, ticks } = setUp();
    probe.call(SET, 100);
    if (how === "root") probe.root.close();
    else {
      probe.vm.run(probe.root, () => {
        throw new Error("Trap");
      });
    }
    await clock.advance(1000);
    assert.deepEqual(ticks, []);
    assert.equal(clock.pendingTimers, 0, how);
    if (how === "root") {
      assert.equal(probe.call(SET, 100).status, Status.OK);
      assert.equal(clock.pendingTimers, 0);
    }
  }
});

Deno.test("a tick that traps is the last", async () => {
  const environment = new TestEnvironment();
  const { vm, root } = vmOf(recorder({ tick: "(unreachable)" }), environment);
  root.start();
  vm.run(root, vm.exports.onTick, root.id);
  assert.notEqual(vm.failure, null);
  const { probe, clock, ticks } = setUp();
  probe.on({
    onTick() {
      ticks.push(0);
      throw new Error("Trap");
    },
  });
  probe.call(SET, 10);
  await clock.advance(100);
  assert.deepEqual(ticks, [0]);
  assert.equal(clock.pendingTimers, 0);
});
