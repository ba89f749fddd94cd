import assert from "node:assert/strict";
import { localRateLimitFilter } from "../../filters/local_ratelimit.ts";
import { readAll } from "../../lib/http/body.ts";
import type { EnvoyExtensionsFiltersHttpLocal_ratelimitV3LocalRateLimit } from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import type { ConnectionInfo } from "../../lib/transport/byte_stream.ts";
import { callOf } from "../support/calls.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, fakeRoute } from "./fake_call.ts";

type Config = EnvoyExtensionsFiltersHttpLocal_ratelimitV3LocalRateLimit;

const NAME = "envoy.filters.http.local_ratelimit";
const ALL = { defaultValue: { numerator: 100 } };
const ENFORCED: Config = { statPrefix: "s", filterEnabled: ALL, filterEnforced: ALL };
const bucket = (maxTokens: number) => ({ maxTokens, fillInterval: { seconds: 60 } });

function bytes(config: Config): Uint8Array {
  return encode("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", config);
}

function setUp(config: Config, random = 0) {
  const context = fakeContext({ random: () => random });
  const plan = localRateLimitFilter.parse(bytes(config));
  const handler = () => plan.create(context)!(() => Promise.resolve(fakeResponse(204)));
  return { context, handler };
}

Deno.test("lets through what the bucket holds, and answers the rest with 429 RL", async () => {
  const { context, handler } = setUp({ ...ENFORCED, tokenBucket: bucket(1) });
  const send = () => {
    const request = fakeRequest();
    const call = fakeCall(request, context);
    return { call, response: handler()(request, call) };
  };
  assert.equal((await send().response).status, 204);
  const { call, response } = send();
  const refused = await response;
  assert.deepEqual([refused.status, call.responseFlags, call.responseCodeDetails], [429, "RL", "local_rate_limited"]);
  assert.equal(new TextDecoder().decode((await readAll(refused.body))!), "local_rate_limited");
  await context.clock.advance(60_000);
  assert.equal((await send().response).status, 204);
});

Deno.test("keeps its bucket when the stack is built anew", async () => {
  const { context, handler } = setUp({ ...ENFORCED, tokenBucket: bucket(1) });
  const statuses = [];
  for (const stack of [handler(), handler()]) {
    const request = fakeRequest();
    statuses.push((await stack(request, fakeCall(request, context))).status);
  }
  assert.deepEqual(statuses, [204, 429]);
});

Deno.test("counts a share of the requests only, and enforces on a share of those", async () => {
  const half = { defaultValue: { numerator: 50 } };
  for (const [random, enforced, expected] of [[0.6, half, 204], [0.4, half, 429], [0.4, undefined, 204]] as const) {
    const { context, handler } = setUp({
      statPrefix: "s",
      filterEnabled: half,
      ...(enforced === undefined ? {} : { filterEnforced: enforced }),
      tokenBucket: { maxTokens: 0, fillInterval: { seconds: 1 } },
    }, random);
    const request = fakeRequest();
    assert.equal((await handler()(request, fakeCall(request, context))).status, expected);
  }
});

Deno.test("gives each connection a bucket where the scope is the connection", async () => {
  const { handler } = setUp({ ...ENFORCED, tokenBucket: bucket(1), localRateLimitPerDownstreamConnection: true });
  const send = async (downstream: ConnectionInfo) => {
    const request = fakeRequest();
    return (await handler()(request, callOf(request, { direction: "inbound", downstream }))).status;
  };
  const [one, other] = [{ id: 1 }, { id: 2 }] as ConnectionInfo[];
  assert.deepEqual([await send(one!), await send(one!), await send(other!)], [204, 429, 204]);
});

Deno.test("goes by the route's configuration under the name the filter has in its chain", async () => {
  const context = fakeContext();
  const plan = localRateLimitFilter.parse(bytes({ statPrefix: "none" }));
  const ofRoute = localRateLimitFilter.perRoute!.parse(bytes({ ...ENFORCED, tokenBucket: bucket(1) }));
  const handler = plan.create(context, "lab.local_ratelimit")!(() => Promise.resolve(fakeResponse(204)));
  const send = async (name: string) => {
    const request = fakeRequest();
    const call = fakeCall(request, context);
    call.chosen = fakeRoute({ [name]: ofRoute });
    return (await handler(request, call)).status;
  };
  assert.deepEqual([await send("lab.local_ratelimit"), await send("lab.local_ratelimit")], [204, 429]);
  assert.equal(await send(NAME), 204);
});

Deno.test("tells the caller what is left", async () => {
  const { context, handler } = setUp({
    ...ENFORCED,
    tokenBucket: bucket(2),
    enableXRatelimitHeaders: "DRAFT_VERSION_03",
  });
  const request = fakeRequest();
  const { headers } = await handler()(request, fakeCall(request, context));
  assert.deepEqual(headers.pairs, [
    ...["x-ratelimit-limit", "2", "x-ratelimit-remaining", "1", "x-ratelimit-reset", "0"],
  ]);
});

Deno.test("refuses a configuration that is not valid, with every reason", () => {
  assert.throws(
    () => localRateLimitFilter.parse(bytes({ tokenBucket: { maxTokens: 1, fillInterval: { nanos: 1_000_000 } } })),
    /stat_prefix': it must not be empty.*fill_interval': it must be at least 0\.05s/,
  );
  assert.throws(() => localRateLimitFilter.perRoute!.parse(bytes({ statPrefix: "s" })), /token_bucket/);
});
