import assert from "node:assert/strict";
import { DateHeader } from "../../lib/http/date_header.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("the date changes once a second", async () => {
  const clock = new FakeClock(Date.UTC(1994, 10, 6, 8, 49, 37, 200));
  const date = new DateHeader(clock);
  assert.equal(date.value, "Sun, 06 Nov 1994 08:49:37 GMT");
  await clock.advance(700);
  assert.equal(date.value, "Sun, 06 Nov 1994 08:49:37 GMT");
  await clock.advance(100);
  assert.equal(date.value, "Sun, 06 Nov 1994 08:49:38 GMT");
});
