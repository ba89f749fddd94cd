import assert from "node:assert/strict";
import { callOf, request } from "../support/calls.ts";

Deno.test("The signal of a call fires when its caller gives up", () => {
  const call = callOf(request());
  const { signal } = call;
  assert.equal(call.signal, signal, "there is one");
  const reason = new Error("Gone");
  call.exchange.cancel(reason);
  assert.deepEqual([signal.aborted, signal.reason], [true, reason]);
  const late = callOf(request());
  late.exchange.cancel(reason);
  assert.equal(late.signal.aborted, true);
});

Deno.test("The signal of a call fires when it is answered in the place of whoever works on it", () => {
  const call = callOf(request());
  const { signal } = call;
  call.abandon(new Error("Late"));
  assert.deepEqual([signal.aborted, call.abandoned, call.exchange.cancelled], [true, true, false]);
});

Deno.test("The signal of a call that has ended stays as it is", () => {
  const call = callOf(request());
  const { signal } = call;
  call.exchange.complete();
  call.exchange.cancel(new Error("Late"));
  assert.equal(signal.aborted, false);
});
