import assert from "node:assert/strict";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("timers fire in the order of their time, each at its time", async () => {
  const clock = new FakeClock(1_000);
  const seen: [string, number][] = [];
  clock.timer(20, () => seen.push(["late", clock.now()]));
  clock.timer(10, () => seen.push(["first", clock.now()]));
  clock.timer(10, () => seen.push(["second", clock.now()]));
  await clock.advance(15);
  assert.deepEqual(seen, [["first", 1_010], ["second", 1_010]]);
  assert.equal(clock.nextTimerMs, 5);
  await clock.advance(5);
  assert.deepEqual(seen.at(-1), ["late", 1_020]);
  assert.equal(clock.monotonic(), 20);
});

Deno.test("a cancelled timer does not fire", async () => {
  const clock = new FakeClock();
  const timer = clock.timer(1, () => assert.fail("fired"));
  timer.cancel();
  await clock.advance(10);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a timer set by a promise that an earlier timer resolved fires in the same advance", async () => {
  const clock = new FakeClock();
  let ticks = 0;
  async function loop(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve) => clock.timer(10, resolve));
      ticks++;
    }
  }
  const done = loop();
  await clock.advance(30);
  await done;
  assert.equal(ticks, 3);
});
