import assert from "node:assert/strict";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";

Deno.test("handles are counted by kind, and idle waits for the last one", async () => {
  const registry = new HandleRegistry();
  await registry.idle();
  registry.opened("socket");
  registry.opened("server");
  assert.deepEqual(registry.snapshot(), { socket: 1, server: 1, timer: 0, channel: 0 });
  let idle = false;
  const waiting = registry.idle().then(() => idle = true);
  registry.closed("server");
  await Promise.resolve();
  assert.equal(idle, false);
  registry.closed("socket");
  await waiting;
  assert.equal(registry.total, 0);
});

Deno.test("a timer counts until it fires or is cancelled, once", async () => {
  const registry = new HandleRegistry();
  const clock = new FakeClock();
  let fired = 0;
  const one = registry.timer(clock, 10, () => {
    assert.equal(registry.count("timer"), 1);
    fired++;
  });
  const two = registry.timer(clock, 20, () => fired++);
  assert.equal(registry.count("timer"), 2);
  await clock.advance(10);
  one.cancel();
  two.cancel();
  two.cancel();
  await clock.advance(10);
  assert.equal(fired, 1);
  assert.equal(registry.total, 0);
});

Deno.test("ids are unique", () => {
  const registry = new HandleRegistry();
  assert.notEqual(registry.nextId(), registry.nextId());
});
