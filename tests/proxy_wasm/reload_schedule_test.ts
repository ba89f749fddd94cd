import assert from "node:assert/strict";
import fc from "fast-check";
import { ReloadSchedule } from "../../lib/proxy_wasm/reload_schedule.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("reload: nothing stands against the first start", () => {
  assert.equal(new ReloadSchedule(1000, () => 0.5).mayStart(0), true);
});

Deno.test("reload: the pause is counted from the last start, with up to half as much again at random", async () => {
  const clock = new FakeClock();
  for (const [random, pauseMs] of [[0, 1000], [0.5, 1250], [0.999, 1499.5]] as const) {
    const schedule = new ReloadSchedule(1000, () => random);
    schedule.started(clock.monotonic());
    const started = clock.monotonic();
    await clock.advance(Math.ceil(pauseMs) - 1);
    assert.equal(schedule.mayStart(clock.monotonic()), false, `${random}`);
    await clock.advance(1);
    assert.equal(schedule.mayStart(clock.monotonic()), true, `${random}`);
    assert.ok(clock.monotonic() - started < 1500 + 1);
  }
});

Deno.test("reload: whatever the starts, two that are allowed are never closer than the pause, nor kept apart for long", () => {
  fc.assert(fc.property(
    fc.integer({ min: 2, max: 60_000 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 100_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }))),
    (pauseMs, asked) => {
      let random = 0;
      const schedule = new ReloadSchedule(pauseMs, () => random);
      let now = 0;
      let last = -Infinity;
      for (const [wait, next] of asked) {
        now += wait;
        random = next;
        const allowed = schedule.mayStart(now);
        if (allowed) {
          assert.ok(now - last >= pauseMs);
          schedule.started(last = now);
        } else assert.ok(now - last < 1.5 * pauseMs);
      }
    },
  ));
});
