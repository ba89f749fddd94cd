import assert from "node:assert/strict";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { ClusterResources, DEFAULT_CIRCUIT_BREAKERS } from "../../lib/upstream/resources.ts";

Deno.test("Without a budget max_retries decides", () => {
  const resources = new ClusterResources({ ...DEFAULT_CIRCUIT_BREAKERS, maxRetries: 2 }, new FakeClock());
  resources.requests.count = 1000;
  for (const expected of [true, true, false]) {
    assert.equal(resources.mayRetry, expected);
    resources.retries.count++;
  }
});

Deno.test("A budget is a percentage of the requests under way, rounded down, and never below its minimum", () => {
  // Requests under way, retries under way, allowed; percent 25 and at least 2, as Envoy calculates.
  const table: [number, number, boolean][] = [
    [0, 0, true],
    [0, 1, true],
    [0, 2, false],
    [11, 2, false],
    [12, 2, true],
    [12, 3, false],
    [15, 3, false],
    [16, 3, true],
    [100, 24, true],
    [100, 25, false],
  ];
  const retryBudget = { percent: 25, minConcurrency: 2 };
  for (const [requests, retries, expected] of table) {
    const resources = new ClusterResources(
      { ...DEFAULT_CIRCUIT_BREAKERS, maxRetries: 0, retryBudget },
      new FakeClock(),
    );
    resources.requests.count = requests;
    resources.retries.count = retries;
    assert.equal(resources.mayRetry, expected, `${retries} of ${requests}`);
  }
});

Deno.test("A limit is reached when as many are taken, and Istio's default is none", () => {
  const resources = new ClusterResources({
    ...DEFAULT_CIRCUIT_BREAKERS,
    maxConnections: 1,
    maxRequests: 4_294_967_295,
  }, new FakeClock());
  assert.equal(resources.connections.full, false);
  resources.connections.count++;
  assert.equal(resources.connections.full, true);
  resources.requests.count = 1_000_000;
  assert.equal(resources.requests.full, false);
});

Deno.test("A budget with an interval counts the requests that have begun within it, done or not", async () => {
  const clock = new FakeClock();
  const retryBudget = { percent: 50, minConcurrency: 1, intervalMs: 1_000 };
  const resources = new ClusterResources({ ...DEFAULT_CIRCUIT_BREAKERS, retryBudget }, clock);
  const allowed = () => {
    for (resources.retries.count = 0; resources.mayRetry;) resources.retries.count++;
    return resources.retries.count;
  };
  assert.equal(allowed(), 1);
  for (let i = 0; i < 10; i++) resources.window!.add();
  assert.equal(allowed(), 5);
  await clock.advance(600);
  for (let i = 0; i < 4; i++) resources.window!.add();
  assert.equal(allowed(), 7);
  await clock.advance(600);
  assert.equal(allowed(), 2);
  await clock.advance(100_000);
  assert.equal(allowed(), 1);
});
