import assert from "node:assert/strict";
import { LocalRateLimiter, type LocalRateLimiterSettings } from "../../lib/filter/local_rate_limiter.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

const bucket = (maxTokens: number, tokensPerFill = 1) => ({ maxTokens, tokensPerFill, fillIntervalMs: 3_600_000 });

function limiter(settings: Partial<LocalRateLimiterSettings>): LocalRateLimiter {
  return new LocalRateLimiter(
    { bucket: null, descriptors: [], alwaysConsumeDefault: true, ...settings },
    new FakeClock(),
  );
}

Deno.test("Without buckets everything passes", () => {
  assert.deepEqual(limiter({}).take([[["a", "b"]]]), { allowed: true, bucket: null });
});

Deno.test("A descriptor has a bucket of its own, and takes from that of all too unless told otherwise", () => {
  for (const alwaysConsumeDefault of [true, false]) {
    const it = limiter({
      bucket: bucket(2),
      descriptors: [{ entries: [["user", "alice"]], bucket: bucket(1) }],
      alwaysConsumeDefault,
    });
    const alice = [[["user", "alice"]]] as const;
    assert.deepEqual([it.take(alice).allowed, it.take(alice).allowed], [true, false]);
    assert.deepEqual([it.take([]).allowed, it.take([]).allowed], [true, !alwaysConsumeDefault]);
  }
});

Deno.test("Descriptors match as a whole and in order", () => {
  const it = limiter({ descriptors: [{ entries: [["a", "1"], ["b", "2"]], bucket: bucket(0) }] });
  const allowed = (...entries: [string, string][]) => it.take([entries]).allowed;
  assert.deepEqual(
    [allowed(["a", "1"], ["b", "2"]), allowed(["a", "1"]), allowed(["b", "2"], ["a", "1"])],
    [false, true, true],
  );
});

Deno.test("Each value of a wildcard has a bucket, of which the ones used last are kept", () => {
  const it = limiter({ descriptors: [{ entries: [["user", ""]], bucket: bucket(1) }] });
  const allowed = (name: string) => it.take([[["user", name]]]).allowed;
  assert.deepEqual([allowed("a"), allowed("a"), allowed("b")], [true, false, true]);
  for (let other = 0; other < 19; other++) allowed(`other ${other}`);
  assert.equal(allowed("b"), false, "it was used after a");
  assert.equal(allowed("a"), true, "it made room");
});

Deno.test("The slowest bucket is asked first: a refusal takes nothing from the others", () => {
  const it = limiter({
    descriptors: [
      { entries: [["fast", "1"]], bucket: bucket(1, 10) },
      { entries: [["slow", "1"]], bucket: bucket(0, 1) },
    ],
  });
  assert.equal(it.take([[["fast", "1"]], [["slow", "1"]]]).allowed, false);
  assert.equal(it.take([[["fast", "1"]]]).allowed, true);
});
