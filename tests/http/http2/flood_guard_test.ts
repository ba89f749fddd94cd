import assert from "node:assert/strict";
import { FloodGuard } from "../../../lib/http/http2/flood_guard.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

Deno.test("a burst, then what time gives back, never more than the burst", async () => {
  const clock = new FakeClock();
  const guard = new FloodGuard(clock, 5, 2);
  const spend = () => {
    let count = 0;
    while (count < 100 && guard.spend()) count++;
    return count;
  };
  assert.equal(spend(), 5);
  await clock.advance(1000);
  assert.equal(spend(), 2);
  await clock.advance(1_000_000);
  assert.equal(spend(), 5);
  guard.earn();
  assert.equal(spend(), 5, "useful work gives back as well, up to the burst");
});
