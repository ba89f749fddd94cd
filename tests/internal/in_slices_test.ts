import assert from "node:assert/strict";
import { inSlices } from "../../lib/internal/in_slices.ts";
import { FakeClock } from "../../lib/testing/mod.ts";

/** A clock whose time the work itself moves on, and whose timers are called by hand. */
function handClock() {
  const due: (() => void)[] = [];
  return {
    due,
    time: 0,
    now: () => 0,
    monotonic() {
      return this.time;
    },
    timer(_: number, callback: () => void) {
      due.push(callback);
      return { cancel: () => {} };
    },
  };
}

Deno.test("Work is done in slices of a few milliseconds, and others run between them", async () => {
  const clock = handClock();
  const done: number[] = [];
  const work = inSlices(
    (function* () {
      for (let step = 0; step < 10; step++) {
        done.push(step);
        clock.time += 2;
        yield;
      }
      return "result";
    })(),
    clock,
  );
  for (const expected of [3, 6, 9, 10]) {
    assert.equal(done.length, expected);
    clock.due.shift()?.();
    await Promise.resolve();
  }
  assert.equal(await work, "result");
  assert.equal(clock.due.length, 0);
});

Deno.test("What the work throws rejects", async () => {
  // deno-lint-ignore require-yield -- it throws before its first step.
  const work = (function* (): Generator<void, void> {
    throw new Error("No");
  })();
  await assert.rejects(inSlices(work, new FakeClock()), /No/);
});
