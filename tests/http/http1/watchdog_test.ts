import assert from "node:assert/strict";
import { Watchdog } from "../../../lib/http/http1/watchdog.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

function watchdog(): { dog: Watchdog; clock: FakeClock; expired: () => number } {
  const clock = new FakeClock();
  let expired = 0;
  return { dog: new Watchdog(clock, () => expired++), clock, expired: () => expired };
}

Deno.test("Watchdog expires once, between its limit and one and a half of it", async () => {
  for (const wait of [0, 100, 249, 251]) {
    const { dog, clock, expired } = watchdog();
    dog.watch(1000);
    await clock.advance(wait);
    dog.touch();
    await clock.advance(999);
    assert.equal(expired(), 0);
    await clock.advance(501);
    assert.equal(expired(), 1);
    await clock.advance(10_000);
    assert.equal(expired(), 1);
    assert.equal(clock.pendingTimers, 0);
  }
});

Deno.test("Watchdog does not expire while it is touched, and does when only kept", async () => {
  const touched = watchdog();
  touched.dog.watch(1000);
  for (let i = 0; i < 10; i++) {
    await touched.clock.advance(900);
    touched.dog.touch();
  }
  assert.equal(touched.expired(), 0);
  const kept = watchdog();
  kept.dog.watch(1000);
  for (let i = 0; i < 3; i++) {
    await kept.clock.advance(500);
    kept.dog.keep(1000);
  }
  assert.equal(kept.expired(), 1);
  touched.dog.stop();
});

Deno.test("Watchdog changes its limit and rests at zero", async () => {
  const { dog, clock, expired } = watchdog();
  dog.watch(1_000_000);
  dog.watch(1000);
  await clock.advance(1500);
  assert.equal(expired(), 1);
  dog.watch(1000);
  dog.keep(0);
  await clock.advance(5000);
  assert.equal(expired(), 1);
  dog.watch(100);
  dog.watch(1_000_000);
  await clock.advance(5000);
  assert.equal(expired(), 1);
  dog.stop();
  assert.equal(clock.pendingTimers, 0);
});
