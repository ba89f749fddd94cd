import assert from "node:assert/strict";

/**
 * Asserts that counts come from the shares expected: Pearson's chi-square, refused beyond six standard deviations of its
 * distribution, which chance exceeds less than once in a million runs.
 */
export function assertShares(counts: readonly number[], shares: readonly number[], what: string): void {
  const total = counts.reduce((a, b) => a + b, 0);
  let statistic = 0;
  let bins = 0;
  for (const [index, count] of counts.entries()) {
    const expected = shares[index]! * total;
    if (expected === 0) {
      assert.equal(count, 0, `${what}: host ${index} has no share and was chosen '${count}' times`);
      continue;
    }
    statistic += (count - expected) ** 2 / expected;
    bins++;
  }
  const freedom = bins - 1;
  const bound = freedom + 6 * Math.sqrt(2 * freedom) + 6;
  assert.ok(
    statistic <= bound,
    `${what}: chi-square is '${statistic.toFixed(1)}', must be below '${bound.toFixed(1)}'`,
  );
}
