import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timer } from "../../lib/internal/clock.ts";
import { TimerWheel } from "../../lib/internal/timer_wheel.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("TimerWheel fires each timer once, never early and at most a tick late", async () => {
  const span = fc.oneof(fc.nat(50), fc.nat(30_000), fc.nat(60_000));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(span, fc.nat(20_000)), { maxLength: 20 }), async (timers) => {
      const clock = new FakeClock();
      const wheel = new TimerWheel(clock, { tickMs: 10 });
      const fired: { due: number; at: number }[] = [];
      for (const [ms, wait] of timers) {
        const due = clock.monotonic() + ms;
        wheel.arm(ms, () => fired.push({ due, at: clock.monotonic() }));
        await clock.advance(wait);
      }
      await clock.advance(100_000);
      assert.equal(fired.length, timers.length);
      for (const { due, at } of fired) assert.ok(at >= due && at <= due + 20, `due ${due}, fired ${at}`);
      assert.equal(wheel.size, 0);
      assert.equal(clock.pendingTimers, 0);
    }),
    { numRuns: 20 },
  );
});

Deno.test("TimerWheel fires nothing that was cancelled", async () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const near = wheel.timer(100, () => fired.push("near"));
  const far = wheel.timer(60_000, () => fired.push("far"));
  wheel.timer(100, () => fired.push("kept"));
  near.cancel();
  far.cancel();
  far.cancel();
  assert.equal(wheel.size, 1);
  await clock.advance(100_000);
  assert.deepEqual(fired, ["kept"]);
});

Deno.test("TimerWheel lets a callback arm and cancel timers, also of its own tick", async () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const others: Timer[] = [];
  wheel.timer(50, () => {
    fired.push("first");
    others[0]!.cancel();
    wheel.timer(0, () => fired.push("again"));
  });
  others.push(wheel.timer(50, () => fired.push("cancelled")));
  wheel.timer(50, () => fired.push("last"));
  await clock.advance(55);
  assert.deepEqual(fired, ["first", "last"]);
  await clock.advance(20);
  assert.deepEqual(fired, ["first", "last", "again"]);
});

Deno.test("TimerWheel uses one timer of the clock and none after close()", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  for (let i = 1; i < 100; i++) wheel.timer(i * 1000, () => {});
  assert.equal(clock.pendingTimers, 1);
  assert.equal(wheel.size, 99);
  wheel.close();
  assert.equal(clock.pendingTimers, 0);
  assert.equal(wheel.size, 0);
});

Deno.test("TimerWheel catches up after the clock stood still for long", async () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  await clock.advance(3_600_000);
  let fired = 0;
  wheel.timer(25, () => fired++);
  await clock.advance(24);
  assert.equal(fired, 0);
  await clock.advance(20);
  assert.equal(fired, 1);
});

Deno.test("TimerWheel leaves timers that keep the process alive to the clock", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  wheel.timer(1000, () => {}, { ref: true });
  assert.equal(wheel.size, 0);
  assert.equal(clock.pendingTimers, 1);
});

Deno.test("TimerWheel calls the others when a callback throws", async () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  let fired = 0;
  wheel.timer(50, () => {
    throw new Error("Boom");
  });
  wheel.timer(50, () => fired++);
  await assert.rejects(clock.advance(60), { message: "Boom" });
  await clock.advance(20);
  assert.equal(fired, 1);
});
