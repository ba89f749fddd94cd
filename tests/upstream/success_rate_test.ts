import assert from "node:assert/strict";
import fc from "fast-check";
import { judgeRates } from "../../lib/upstream/success_rate.ts";
import { outlierDetection } from "../support/resource_objects.ts";

const SETTINGS = outlierDetection({ successRateRequestVolume: 10, failurePercentageRequestVolume: 10 });

function judge(rates: readonly number[], total = 100) {
  return judgeRates(
    rates.map((rate, host) => ({ host, total, succeeded: rate * total / 100 })),
    rates.length,
    SETTINGS,
  );
}

Deno.test("The threshold is so many standard deviations below the mean", () => {
  const { average, threshold, slow } = judge([50, 100, 100, 100, 100]);
  assert.equal(average, 90);
  assert.ok(Math.abs(threshold - 52) < 1e-9);
  assert.deepEqual(slow, [0]);
  assert.deepEqual(judge([60, 90, 80, 85, 95]).slow, [], "spread rates hide each other");
});

Deno.test("Fewer hosts than the minimum are not judged", () => {
  const four = judge([0, 100, 100, 100]);
  assert.deepEqual(four, { average: -1, threshold: -1, rates: [], slow: [], failing: [] });
});

Deno.test("Equal hosts are never outliers, and nobody is without requests", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 5, max: 50 }),
    (rate, count) => {
      const { slow, failing } = judge(Array(count).fill(rate));
      assert.deepEqual(slow, []);
      assert.equal(failing.length, 100 - rate >= 85 ? count : 0);
      assert.deepEqual(judge(Array(count).fill(rate), 0).rates, []);
    },
  ));
});

Deno.test("Who is slow is worse than everyone who is not", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 5, maxLength: 40 }), (rates) => {
    const { slow } = judge(rates);
    const worst = Math.max(-1, ...slow.map((host) => rates[host]!));
    assert.ok(rates.every((rate, host) => slow.includes(host) || rate >= worst));
    assert.ok(slow.length < rates.length);
  }));
});
