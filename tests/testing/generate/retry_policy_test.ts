import assert from "node:assert/strict";
import { retryPolicy } from "../../../lib/testing/generate/retry_policy.ts";
import { Fields } from "../../../lib/testing/fields.ts";
import { parseRetries } from "../../../lib/testing/kinds/retries.ts";

const DEFAULT = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

function policy(fields: Record<string, unknown> | undefined, hashed = false) {
  return retryPolicy(fields && parseRetries(Fields.of(fields, "retries")), hashed);
}
const avoids = (fields: Record<string, unknown> | undefined, hashed = false) =>
  policy(fields, hashed)!.retryHostPredicate !== undefined;

Deno.test("without a word of the user's: two retries, other hosts, unless requests are hashed", () => {
  const { retryOn, numRetries, hostSelectionRetryMaxAttempts } = policy(undefined)!;
  assert.deepEqual([retryOn, numRetries, hostSelectionRetryMaxAttempts], [DEFAULT, { value: 2 }, 5]);
  assert.equal(avoids(undefined), true);
  assert.equal(avoids(undefined, true), false);
});

Deno.test("whether failed hosts are avoided is the user's to say", () => {
  assert.equal(avoids({ attempts: 1, retryIgnorePreviousHosts: false }), false);
  assert.equal(avoids({ attempts: 1, retryIgnorePreviousHosts: true }, true), true);
  assert.equal(avoids({ attempts: 1 }, true), false);
});

Deno.test("conditions and status codes", () => {
  const cases: [string, string, number[] | undefined][] = [
    ["", DEFAULT, undefined],
    ["5xx", "5xx", undefined],
    ["5xx,503", "5xx,retriable-status-codes", [503]],
    ["retriable-status-codes,503", "retriable-status-codes", [503]],
    ["503, 504", ",retriable-status-codes", [503, 504]],
    ["reset, connect-failure", "reset,connect-failure", undefined],
  ];
  for (const [retryOn, conditions, codes] of cases) {
    const made = policy({ attempts: 1, retryOn })!;
    assert.equal(made.retryOn, conditions, retryOn);
    assert.deepEqual(made.retriableStatusCodes, codes, retryOn);
  }
});

Deno.test("numbers, times, priorities; none with 0 attempts", () => {
  const made = policy({ attempts: 7, perTryTimeout: "1.5s", backoff: "25ms", retryRemoteLocalities: true })!;
  assert.deepEqual(made.numRetries, { value: 7 });
  assert.deepEqual(made.perTryTimeout, { seconds: 1, nanos: 500_000_000 });
  assert.deepEqual(made.retryBackOff, { baseInterval: { nanos: 25_000_000 } });
  assert.equal(made.retryPriority!.name, "envoy.retry_priorities.previous_priorities");
  assert.equal(policy({ attempts: 1 })!.retryPriority, undefined);
  assert.equal(policy({ attempts: 0 }), undefined);
  assert.equal(policy({}), undefined);
});
