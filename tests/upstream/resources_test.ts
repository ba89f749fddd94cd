import assert from "node:assert/strict";
import { ClusterResources, DEFAULT_CIRCUIT_BREAKERS } from "../../lib/upstream/resources.ts";

Deno.test("Without a budget max_retries decides", () => {
  const resources = new ClusterResources({ ...DEFAULT_CIRCUIT_BREAKERS, maxRetries: 2 });
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
    const resources = new ClusterResources({ ...DEFAULT_CIRCUIT_BREAKERS, maxRetries: 0, retryBudget });
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
  });
  assert.equal(resources.connections.full, false);
  resources.connections.count++;
  assert.equal(resources.connections.full, true);
  resources.requests.count = 1_000_000;
  assert.equal(resources.requests.full, false);
});
