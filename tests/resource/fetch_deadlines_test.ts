import assert from "node:assert/strict";
import { FetchDeadlines } from "../../lib/resource/fetch_deadlines.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("Each name is waited for from when it was first waited for, and told once", async () => {
  const clock = new FakeClock();
  const told: string[][] = [];
  const deadlines = new FetchDeadlines(clock, (names) => told.push([...names]));
  deadlines.wait(new Map([["a", 100]]));
  await clock.advance(60);
  deadlines.wait(new Map([["a", 100], ["b", 100]]));
  await clock.advance(40);
  assert.deepEqual(told, [["a"]]);
  await clock.advance(59);
  assert.deepEqual(told, [["a"]]);
  await clock.advance(1);
  assert.deepEqual(told, [["a"], ["b"]]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("What is not waited for any more is forgotten; 0 waits for ever; closing stops", async () => {
  const clock = new FakeClock();
  const told: string[][] = [];
  const deadlines = new FetchDeadlines(clock, (names) => told.push([...names]));
  deadlines.wait(new Map([["a", 100], ["ever", 0]]));
  deadlines.wait(new Map([["ever", 0]]));
  assert.equal(clock.pendingTimers, 0);
  deadlines.wait(new Map([["b", 100]]));
  deadlines.close();
  await clock.advance(1_000);
  assert.deepEqual(told, []);
  assert.equal(clock.pendingTimers, 0);
});
