import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { type AttemptOutcome, type ResetReason, RetryRules, RetryState } from "../../lib/router/retry_policy.ts";
import { request } from "../support/calls.ts";
import { retryPolicy } from "../support/resource_objects.ts";

function response(status: number, ...pairs: string[]): AttemptOutcome {
  return { kind: "response", status, headers: new HeaderList(pairs) };
}

function reset(reason: ResetReason, requestStarted = true): AttemptOutcome {
  return { kind: "reset", reason, requestStarted };
}

/** Condition, outcomes it covers, outcomes it does not: Envoy's `RetryStateImpl`, row by row. */
const TABLE: readonly [string, readonly AttemptOutcome[], readonly AttemptOutcome[]][] = [
  ["5xx", [response(500), response(503), reset("remote reset"), reset("connection timeout")], [
    response(404),
    reset("overflow"),
  ]],
  ["gateway-error", [response(502), response(504), reset("connection termination")], [response(500), response(505)]],
  ["reset", [reset("connection termination"), reset("local reset")], [response(503), reset("overflow")]],
  ["reset-before-request", [reset("connection termination", false)], [reset("connection termination"), response(503)]],
  [
    "connect-failure",
    [reset("remote connection failure"), reset("local connection failure"), reset("connection timeout")],
    [reset("connection termination"), reset("remote refused stream reset"), response(503)],
  ],
  ["refused-stream", [reset("remote refused stream reset")], [reset("remote reset"), response(503)]],
  ["retriable-4xx", [response(409)], [response(408), response(429), reset("remote reset")]],
  ["retriable-status-codes", [response(418)], [response(419), reset("remote reset")]],
  ["retriable-headers", [response(200, "x-again", "1")], [response(200), reset("remote reset")]],
  ["envoy-ratelimited", [response(429, "x-envoy-ratelimited", "true")], [response(429)]],
  ["cancelled", [response(200, "grpc-status", "1")], [response(200, "grpc-status", "0"), response(200)]],
  ["deadline-exceeded", [response(200, "grpc-status", "4")], [response(200, "grpc-status", "14")]],
  ["resource-exhausted", [response(200, "grpc-status", "8")], [response(200, "grpc-status", "1")]],
  ["internal", [response(200, "grpc-status", "13")], [response(500)]],
  ["unavailable", [response(200, "grpc-status", "14")], [response(503), reset("remote reset")]],
  ["something-new", [], [response(503), reset("remote reset"), reset("connection timeout")]],
];

for (const [condition, yes, no] of TABLE) {
  Deno.test(`retry_on ${condition}`, () => {
    const rules = new RetryRules(retryPolicy([condition], {
      retriableStatusCodes: [418],
      retriableHeaders: [{
        name: "x-again",
        match: { kind: "present", present: true },
        invert: false,
        treatMissingAsEmpty: false,
      }],
    }));
    for (const outcome of yes) assert.equal(rules.applies(outcome), true, JSON.stringify(outcome));
    for (const outcome of no) assert.equal(rules.applies(outcome), false, JSON.stringify(outcome));
  });
}

Deno.test("A rate limited response is not retried for its status", () => {
  const rules = new RetryRules(retryPolicy(["5xx"]));
  assert.equal(rules.applies(response(503, "x-envoy-ratelimited", "true")), false);
});

Deno.test("retriable-headers may look at the status", () => {
  const rules = new RetryRules(retryPolicy(["retriable-headers"], {
    retriableHeaders: [{
      name: ":status",
      match: { kind: "string", string: { kind: "prefix", value: "40", ignoreCase: false } },
      invert: false,
      treatMissingAsEmpty: false,
    }],
  }));
  assert.deepEqual([404, 409, 410].map((status) => rules.applies(response(status))), [true, true, false]);
});

Deno.test("A response that came too early is tried again at once", () => {
  const state = new RetryState(
    new RetryRules(retryPolicy(["retriable-status-codes"], {
      retriableStatusCodes: [425],
    })),
    () => 1,
  );
  assert.equal(state.nextDelayMs(new HeaderList(), 0, 425), 0);
  assert.equal(state.appliesToResponse(425, new HeaderList(), new HeaderList()), true);
  assert.equal(state.appliesToResponse(425, new HeaderList(), new HeaderList(["early-data", "1"])), false);
});

Deno.test("Retries are counted; the one too many is told", () => {
  const state = new RetryState(new RetryRules(retryPolicy(["5xx"], { numRetries: 2 })), () => 0.5);
  assert.deepEqual([1, 2, 3].map(() => state.decide(response(503))), ["retry", "retry", "limit_exceeded"]);
  assert.equal(state.decide(response(200)), "done");
});

Deno.test("Back-off: jittered, doubling from 25 ms, at most ten times the base", () => {
  const state = new RetryState(new RetryRules(retryPolicy(["5xx"])), () => 1);
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => state.nextDelayMs(null, 0)), [25, 50, 100, 200, 250, 250]);
  const configured = new RetryRules(retryPolicy(["5xx"], { backoff: { baseMs: 10, maxMs: 15 } }));
  const slow = new RetryState(configured, () => 0.5);
  assert.deepEqual([1, 2, 3].map(() => slow.nextDelayMs(null, 0)), [5, 7.5, 7.5]);
});

Deno.test("A reset header sets the delay, within the limit", () => {
  const rateLimitedBackoff = {
    resetHeaders: [
      { name: "retry-after", format: "seconds" as const },
      { name: "x-ratelimit-reset", format: "unix_timestamp" as const },
    ],
    maxMs: 10_000,
  };
  const state = new RetryState(new RetryRules(retryPolicy(["5xx"], { rateLimitedBackoff })), () => 0);
  assert.equal(state.nextDelayMs(new HeaderList(["retry-after", "2"]), 0), 2000);
  assert.equal(state.nextDelayMs(new HeaderList(["x-ratelimit-reset", "105"]), 100_000), 5000);
  assert.equal(state.nextDelayMs(new HeaderList(["retry-after", "11"]), 0), 0, "beyond the limit: ordinary back-off");
  assert.equal(state.nextDelayMs(new HeaderList(["retry-after", "soon"]), 0), 0);
});

Deno.test("retriable_request_headers restrict retries to some requests", () => {
  const rules = new RetryRules(retryPolicy(["5xx"], {
    retriableRequestHeaders: [{
      name: ":method",
      match: { kind: "string", string: { kind: "exact", value: "GET", ignoreCase: false } },
      invert: false,
      treatMissingAsEmpty: false,
    }],
  }));
  assert.deepEqual([rules.covers(request()), rules.covers(request({ method: "POST" }))], [true, false]);
});
