import assert from "node:assert/strict";
import type { RateLimitAction } from "../../lib/resource/route.ts";
import { compileRateLimits } from "../../lib/router/rate_limit_descriptors.ts";
import type { ConnectionInfo } from "../../lib/transport/byte_stream.ts";
import { callOf, request } from "../support/calls.ts";

function describe(actions: RateLimitAction[], remote = "10.1.2.3") {
  const message = request({ pairs: ["x-user", "alice"], path: "/items" });
  const downstream = { remote: { hostname: remote, port: 1 } } as ConnectionInfo;
  const call = callOf(message, { downstream });
  call.setDynamicMetadata("filter", { who: { name: "bob" } });
  return compileRateLimits([{ stage: 0, actions }], 0, "sleep.default")(message, call);
}

const header = (name: string, skipIfAbsent = false): RateLimitAction => ({
  kind: "request_headers",
  header: name,
  key: "h",
  skipIfAbsent,
});
const metadata = (path: string[], fallback = ""): RateLimitAction => ({
  kind: "metadata",
  source: "dynamic",
  filter: "filter",
  path,
  key: "m",
  fallback,
  skipIfAbsent: false,
});

const TABLE: readonly [string, RateLimitAction[], unknown][] = [
  ["source cluster", [{ kind: "source_cluster" }], [[["source_cluster", "sleep.default"]]]],
  ["remote address", [{ kind: "remote_address" }], [[["remote_address", "10.1.2.3"]]]],
  [
    "masked address",
    [{ kind: "masked_remote_address", v4Bits: 16, v6Bits: 64 }],
    [[["masked_remote_address", "10.1.0.0/16"]]],
  ],
  ["generic key", [{ kind: "generic_key", key: "k", value: "v" }], [[["k", "v"]]]],
  ["header", [header("x-user")], [[["h", "alice"]]]],
  ["pseudo header", [header(":path")], [[["h", "/items"]]]],
  ["missing header", [header("x-none")], []],
  ["missing header that is left out", [header("x-none", true), header("x-user")], [[["h", "alice"]]]],
  ["metadata", [metadata(["who", "name"])], [[["m", "bob"]]]],
  ["missing metadata", [metadata(["who", "age"])], []],
  ["metadata by default", [metadata(["no"], "nobody")], [[["m", "nobody"]]]],
  ["several", [header("x-user"), { kind: "remote_address" }], [[["h", "alice"], ["remote_address", "10.1.2.3"]]]],
  [
    "headers that match",
    [{ kind: "header_value_match", key: "header_match", value: "yes", expectMatch: true, headers: [] }],
    [[["header_match", "yes"]]],
  ],
  ["headers that must not match", [{
    kind: "header_value_match",
    key: "header_match",
    value: "yes",
    expectMatch: false,
    headers: [],
  }], []],
];

for (const [name, actions, expected] of TABLE) {
  Deno.test(`rate limit descriptors: ${name}`, () => assert.deepEqual(describe(actions), expected));
}

Deno.test("rate limit descriptors: a masked IPv6 address is written short", () => {
  const action: RateLimitAction = { kind: "masked_remote_address", v4Bits: 32, v6Bits: 48 };
  assert.deepEqual(describe([action], "2001:db8:1:2::3"), [[["masked_remote_address", "2001:db8:1::/48"]]]);
});

Deno.test("rate limit descriptors: other stages are left out", () => {
  const message = request();
  const limits = [{ stage: 1, actions: [{ kind: "remote_address" as const }] }];
  assert.deepEqual(compileRateLimits(limits, 0, "")(message, callOf(message)), []);
  assert.equal(compileRateLimits(limits, 1, "")(message, callOf(message)).length, 1);
});
