import assert from "node:assert/strict";
import { Keepalive } from "../../../lib/http/http2/keepalive.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";

function watch(wanted = true) {
  const events: string[] = [];
  const clock = new FakeClock();
  const keepalive = new Keepalive(clock, 1000, 300, {
    keepaliveWanted: () => wanted,
    keepaliveAsk: () => void events.push("ask"),
    keepaliveLost: () => void events.push("lost"),
  });
  return { events, clock, keepalive };
}

Deno.test("silence is asked about, and an answer heard", async () => {
  const { events, clock, keepalive } = watch();
  await clock.advance(1000);
  assert.deepEqual(events, ["ask"]);
  keepalive.heard = true;
  await clock.advance(300);
  assert.deepEqual(events, ["ask"]);
  await clock.advance(1300);
  assert.deepEqual(events, ["ask", "ask", "lost"]);
  keepalive.stop();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("silence after the question is the end", async () => {
  const { events, clock } = watch();
  await clock.advance(1300);
  assert.deepEqual(events, ["ask", "lost"]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a peer that is heard, and one nobody waits for, is not asked", async () => {
  const talking = watch();
  for (let i = 0; i < 10; i++) {
    talking.keepalive.heard = true;
    await talking.clock.advance(500);
  }
  const idle = watch(false);
  await idle.clock.advance(5000);
  assert.deepEqual([talking.events, idle.events], [[], []]);
});
