import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { requestTimeouts, setTimeoutHeaders } from "../../lib/router/timeouts.ts";
import { forwardAction, retryPolicy } from "../support/resource_objects.ts";

const GRPC = ["content-type", "application/grpc"];

Deno.test("The route's time-out, and the per-try one below it", () => {
  const retry = retryPolicy(["5xx"], { perTryTimeoutMs: 100 });
  const headers = new HeaderList();
  assert.deepEqual(requestTimeouts(forwardAction({ timeoutMs: 500 }), retry, headers), {
    globalMs: 500,
    perTryMs: 100,
    perTryIdleMs: 0,
  });
  assert.deepEqual(requestTimeouts(forwardAction({ timeoutMs: 50 }), retry, headers), {
    globalMs: 50,
    perTryMs: 0,
    perTryIdleMs: 0,
  });
  assert.deepEqual(requestTimeouts(forwardAction(), retry, headers), { globalMs: 0, perTryMs: 100, perTryIdleMs: 0 });
  assert.deepEqual(requestTimeouts(forwardAction(), null, headers), { globalMs: 0, perTryMs: 0, perTryIdleMs: 0 });
});

/** `grpc-timeout`, maximum of the route, resulting limit. */
const GRPC_TABLE: readonly [string | null, number | null, number][] = [
  ["1S", 0, 1000],
  ["1S", 500, 500],
  ["100m", 500, 100],
  [null, 500, 500],
  [null, 0, 0],
  ["1S", null, 7],
  ["nonsense", 0, 0],
  ["1n", 0, 1],
  ["2H", 0, 7_200_000],
];

for (const [header, max, expected] of GRPC_TABLE) {
  Deno.test(`grpc-timeout ${header} with a maximum of ${max} ms`, () => {
    const headers = new HeaderList([...GRPC, ...(header === null ? [] : ["grpc-timeout", header])]);
    const action = forwardAction({ timeoutMs: 7, maxGrpcTimeoutMs: max });
    assert.equal(requestTimeouts(action, null, headers).globalMs, expected);
  });
}

Deno.test("A plain request does not read grpc-timeout", () => {
  const action = forwardAction({ timeoutMs: 7, maxGrpcTimeoutMs: 0 });
  assert.equal(requestTimeouts(action, null, new HeaderList(["grpc-timeout", "1S"])).globalMs, 7);
});

Deno.test("The upstream is told what is left", () => {
  const headers = new HeaderList();
  setTimeoutHeaders(headers, { globalMs: 500, perTryMs: 0, perTryIdleMs: 0 }, forwardAction(), 120);
  assert.equal(headers.get("x-envoy-expected-rq-timeout-ms"), "380");
  setTimeoutHeaders(headers, { globalMs: 500, perTryMs: 100, perTryIdleMs: 0 }, forwardAction(), 120);
  assert.equal(headers.get("x-envoy-expected-rq-timeout-ms"), "100");
  const grpc = new HeaderList([...GRPC, "grpc-timeout", "9S"]);
  setTimeoutHeaders(grpc, { globalMs: 500, perTryMs: 0, perTryIdleMs: 0 }, forwardAction({ maxGrpcTimeoutMs: 500 }), 0);
  assert.equal(grpc.get("grpc-timeout"), "500m");
  const none = new HeaderList();
  setTimeoutHeaders(none, { globalMs: 0, perTryMs: 0, perTryIdleMs: 0 }, forwardAction(), 0);
  assert.equal(none.size, 0);
});
