import assert from "node:assert/strict";
import fc from "fast-check";
import { TokenBucket } from "../../lib/filter/token_bucket.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

Deno.test("A bucket begins full and fills all the time", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ maxTokens: 2, tokensPerFill: 2, fillIntervalMs: 1000 }, clock);
  assert.deepEqual([bucket.remaining, bucket.resetSeconds], [2, 0]);
  assert.deepEqual([bucket.consume(), bucket.consume(), bucket.consume()], [true, true, false]);
  assert.deepEqual([bucket.remaining, bucket.resetSeconds], [0, 1]);
  await clock.advance(499);
  assert.equal(bucket.consume(), false);
  await clock.advance(1);
  assert.deepEqual([bucket.consume(), bucket.consume()], [true, false]);
  await clock.advance(60_000);
  assert.equal(bucket.remaining, 2, "it holds no more than it holds");
});

Deno.test("A bucket of nothing refuses everything", () => {
  const bucket = new TokenBucket({ maxTokens: 0, tokensPerFill: 1, fillIntervalMs: 50 }, new FakeClock());
  assert.equal(bucket.consume(), false);
});

Deno.test("Over any time a bucket gives what it holds and what has come in", async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 50 }),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 50, max: 5000 }),
    fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 10 }),
    async (maxTokens, tokensPerFill, fillIntervalMs, pauses) => {
      const clock = new FakeClock();
      const bucket = new TokenBucket({ maxTokens, tokensPerFill, fillIntervalMs }, clock);
      let given = 0;
      let passed = 0;
      for (const pause of pauses) {
        while (bucket.consume()) given++;
        await clock.advance(pause);
        passed += pause;
      }
      while (bucket.consume()) given++;
      const most = maxTokens + passed * tokensPerFill / fillIntervalMs;
      assert.ok(given <= most + 1e-6, `${given} of ${most}`);
    },
  ));
});
