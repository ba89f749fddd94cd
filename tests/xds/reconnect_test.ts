import assert from "node:assert/strict";
import { ReconnectPolicy } from "../../lib/xds/reconnect.ts";

/** Jitter at its upper bound, so that delays are the bounds. */
const policy = () => new ReconnectPolicy(() => 1);
const FAILED = null;
const SHORT = 10;
const LONG = 60_000;

Deno.test("failures: the wait doubles from 50 ms to 15 s", () => {
  const reconnect = policy();
  const waits = Array.from({ length: 11 }, () => reconnect.ended(FAILED));
  assert.deepEqual(waits, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
});

Deno.test("failures: the whole wait is jittered", () => {
  assert.equal(new ReconnectPolicy(() => 0.5).ended(FAILED), 25);
});

Deno.test("the first good response starts the wait again", () => {
  const reconnect = policy();
  for (let i = 0; i < 5; i++) reconnect.ended(FAILED);
  reconnect.answered();
  assert.equal(reconnect.ended(SHORT), 0);
  assert.equal(reconnect.ended(FAILED), 50);
});

Deno.test("a stream that worked is replaced at once, every time", () => {
  const reconnect = policy();
  for (let i = 0; i < 3; i++) {
    reconnect.answered();
    assert.equal(reconnect.ended(LONG), 0);
  }
});

Deno.test("a server that answers and hangs up gets one quick try, then the wait grows despite its answers", () => {
  const reconnect = policy();
  const waits = Array.from({ length: 4 }, () => {
    reconnect.answered();
    return reconnect.ended(SHORT);
  });
  assert.deepEqual(waits, [0, 50, 100, 200]);
  reconnect.answered();
  assert.equal(reconnect.ended(LONG), 0, "a stream that lived forgives it");
  reconnect.answered();
  assert.equal(reconnect.ended(SHORT), 0);
});
