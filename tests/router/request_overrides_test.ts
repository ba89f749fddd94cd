import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import {
  type AttemptOverrides,
  takeAttemptOverrides,
  takeRequestOverrides,
} from "../../lib/router/request_overrides.ts";
import { RetryRules, rulesOf } from "../../lib/router/retry_policy.ts";
import { request } from "../support/calls.ts";
import { retryPolicy } from "../support/resource_objects.ts";

const NOTHING: AttemptOverrides = {
  streamDurationMs: null,
  alternativeTimeoutStatus: false,
  retryOn: [],
  numRetries: null,
  statusCodes: [],
  headerNames: [],
};

Deno.test("takeRequestOverrides() takes what changes timeouts off the request", () => {
  const headers = new HeaderList([
    ...["accept", "*/*", "x-envoy-upstream-rq-timeout-ms", "5", "x-envoy-upstream-rq-per-try-timeout-ms", "2"],
    ...["x-envoy-upstream-alt-stat-name", "n", "x-envoy-hedge-on-per-try-timeout", "true", "x-envoy-max-retries", "1"],
  ]);
  assert.deepEqual(takeRequestOverrides(headers), {
    globalMs: 5,
    perTryMs: 2,
  });
  assert.deepEqual(headers.pairs, ["accept", "*/*", "x-envoy-max-retries", "1"]);
  assert.equal(takeRequestOverrides(headers), null);
});

Deno.test("takeRequestOverrides() ignores what is no number", () => {
  for (const value of ["", "-1", "1s", "1.5", "99999999999999999"]) {
    const headers = new HeaderList(["x-envoy-upstream-rq-timeout-ms", value]);
    assert.equal(takeRequestOverrides(headers)!.globalMs, null, value);
    assert.equal(headers.size, 0);
  }
});

Deno.test("takeAttemptOverrides() reads lists", () => {
  const headers = new HeaderList([
    ...["x-envoy-retry-on", "5xx, reset ,,", "x-envoy-retry-grpc-on", "cancelled", "x-envoy-max-retries", "3"],
    ...["x-envoy-retriable-status-codes", "404,x,410", "x-envoy-retriable-header-names", "X-Again,x-more"],
  ]);
  assert.deepEqual(takeAttemptOverrides(headers), {
    streamDurationMs: null,
    alternativeTimeoutStatus: false,
    retryOn: ["5xx", "reset", "cancelled"],
    numRetries: 3,
    statusCodes: [404, 410],
    headerNames: ["x-again", "x-more"],
  });
  assert.equal(headers.size, 0);
});

Deno.test("rulesOf() adds what the headers say to the policy", () => {
  const rules = new RetryRules(retryPolicy(["reset"], { numRetries: 5, retriableStatusCodes: [410] }));
  assert.equal(rulesOf(rules, null, request()), rules, "nothing is made anew without a header");
  assert.equal(rulesOf(null, null, request()), null);
  const added = rulesOf(
    rules,
    { ...NOTHING, retryOn: ["retriable-status-codes"], numRetries: 1, statusCodes: [404] },
    request(),
  )!;
  const response = (status: number) => added.appliesToResponse(status, new HeaderList());
  assert.deepEqual([404, 410, 503].map(response), [true, true, false]);
  assert.equal(added.policy.numRetries, 1);
  assert.equal(rulesOf(null, { ...NOTHING, numRetries: 1 }, request()), null);
});

Deno.test("rulesOf() keeps to retriable_request_headers, which a header cannot lift", () => {
  const post = {
    name: ":method",
    match: { kind: "string" as const, string: { kind: "exact" as const, value: "POST", ignoreCase: false } },
    invert: false,
    treatMissingAsEmpty: false,
  };
  const rules = new RetryRules(retryPolicy(["5xx"], { retriableRequestHeaders: [post] }));
  const overrides = { ...NOTHING, retryOn: ["5xx"] };
  assert.equal(rulesOf(rules, overrides, request()), null);
  assert.notEqual(rulesOf(rules, overrides, request({ method: "POST" })), null);
});
