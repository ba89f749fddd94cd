import assert from "node:assert/strict";
import { faultFilter } from "../../filters/fault.ts";
import type { EnvoyExtensionsFiltersHttpFaultV3HTTPFault } from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { readAll } from "../../lib/http/body.ts";
import { FILTER_DISABLED } from "../../lib/resource/filter_parsers.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, fakeRoute, layerOf } from "./fake_call.ts";

type Fault = EnvoyExtensionsFiltersHttpFaultV3HTTPFault;

const NAME = "envoy.filters.http.fault";
const ALL = { numerator: 100 } as const;
const NO_FAULT = new Uint8Array();

function bytes(fault: Fault): Uint8Array {
  return encode("envoy.extensions.filters.http.fault.v3.HTTPFault", fault);
}

function setUp(fault: Fault | object, random = 0.5, ofFilter: Uint8Array = NO_FAULT) {
  const context = fakeContext({ random: () => random });
  const config = fault === FILTER_DISABLED ? fault : faultFilter.perRoute!.parse(bytes(fault as Fault));
  let forwarded = 0;
  const handler = layerOf(faultFilter, ofFilter, context)(() => {
    forwarded++;
    return Promise.resolve(fakeResponse(204));
  });
  const send = (headers: string[] = []) => {
    const request = fakeRequest(headers);
    const call = fakeCall(request, context);
    call.chosen = fakeRoute({ [NAME]: config });
    return { call, response: handler(request, call) };
  };
  return { clock: context.clock, send, forwarded: () => forwarded };
}

Deno.test("answers with the status it is told", async () => {
  const { send, forwarded } = setUp({ abort: { httpStatus: 429, percentage: ALL } });
  const { call, response } = send();
  const { status, body } = await response;
  assert.equal(status, 429);
  assert.equal(new TextDecoder().decode((await readAll(body))!), "fault filter abort");
  assert.deepEqual([call.responseFlags, call.responseCodeDetails, forwarded()], ["FI", "fault_filter_abort", 0]);
});

Deno.test("answers gRPC in its own way, as Envoy 1.40 was seen to", async () => {
  const { send } = setUp({ abort: { grpcStatus: 14, percentage: ALL } });
  const grpc = await send(["content-type", "application/grpc"]).response;
  assert.equal(grpc.status, 200);
  assert.equal(grpc.headers.get("grpc-status"), "14");
  assert.equal(grpc.headers.get("grpc-message"), "fault filter abort");
  const plain = await send().response;
  assert.equal(plain.status, 200);
  assert.equal(plain.headers.get("grpc-status"), undefined);
  const mapped = await setUp({ abort: { httpStatus: 404, percentage: ALL } }).send(["content-type", "application/grpc"])
    .response;
  assert.equal(mapped.headers.get("grpc-status"), "12");
});

Deno.test("delays, then goes on or refuses", async () => {
  for (const [abort, status] of [[undefined, 204], [{ httpStatus: 503, percentage: ALL }, 503]] as const) {
    const delay = { fixedDelay: { seconds: 1, nanos: 500_000_000 }, percentage: ALL };
    const { clock, send } = setUp(abort === undefined ? { delay } : { delay, abort });
    const { call, response } = send();
    let settled = false;
    response.then(() => settled = true);
    await clock.advance(1499);
    assert.equal(settled, false);
    await clock.advance(1);
    assert.equal((await response).status, status);
    assert.equal(call.responseFlags, status === 204 ? "DI" : "DI,FI");
    assert.equal(clock.pendingTimers, 0);
  }
});

Deno.test("a caller that goes away does not wait", async () => {
  const { clock, send, forwarded } = setUp({ delay: { fixedDelay: { seconds: 60 }, percentage: ALL } });
  const { call, response } = send();
  call.exchange.cancel(new Error("Gone"));
  await assert.rejects(response, /Gone/);
  assert.deepEqual([clock.pendingTimers, forwarded()], [0, 0]);
});

Deno.test("hits its share of the requests", async () => {
  const percentage = { numerator: 125_000, denominator: "MILLION" } as const;
  for (const [random, status] of [[0.1249, 503], [0.125, 204]] as const) {
    assert.equal((await setUp({ abort: { httpStatus: 503, percentage } }, random).send().response).status, status);
  }
  assert.equal((await setUp({ abort: { httpStatus: 503 } }, 0).send().response).status, 204, "no percentage is none");
});

Deno.test("hits only the requests it is meant for", async () => {
  const abort = { httpStatus: 503, percentage: ALL };
  const table: [Fault, string[], number][] = [
    [{ abort, headers: [{ name: "X-End", stringMatch: { exact: "a" } }] }, ["x-end", "a"], 503],
    [{ abort, headers: [{ name: "x-end", stringMatch: { exact: "a" } }] }, ["x-end", "b"], 204],
    [{ abort, headers: [{ name: ":path", stringMatch: { prefix: "/items" } }] }, [], 503],
    [{ abort, upstreamCluster: "outbound|80||cart" }, [], 503],
    [{ abort, upstreamCluster: "outbound|80||other" }, [], 204],
    [{ abort, downstreamNodes: ["n1"] }, ["x-envoy-downstream-service-node", "n1"], 503],
    [{ abort, downstreamNodes: ["n1"] }, [], 204],
  ];
  for (const [fault, headers, status] of table) {
    assert.equal((await setUp(fault).send(headers).response).status, status, JSON.stringify(fault));
  }
});

Deno.test("headers may control the fault within the configured share", async () => {
  const abort = { headerAbort: {}, percentage: ALL };
  const half = { headerAbort: {}, percentage: { numerator: 40 } };
  const ask = ["x-envoy-fault-abort-request", "418"];
  const table: [Fault, string[], number][] = [
    [{ abort }, [], 204],
    [{ abort }, ask, 418],
    [{ abort }, ["x-envoy-fault-abort-request", "99"], 204],
    [{ abort }, ["x-envoy-fault-abort-request", "garbage"], 204],
    [{ abort }, [...ask, "x-envoy-fault-abort-request-percentage", "50"], 204],
    [{ abort }, [...ask, "x-envoy-fault-abort-request-percentage", "51"], 418],
    [{ abort: half }, [...ask, "x-envoy-fault-abort-request-percentage", "100"], 204],
    [{ abort: { httpStatus: 503, percentage: ALL } }, ["x-envoy-fault-abort-request-percentage", "0"], 503],
  ];
  for (const [fault, headers, status] of table) {
    assert.equal((await setUp(fault).send(headers).response).status, status, JSON.stringify([fault, headers]));
  }
  const delayed = setUp({ delay: { headerDelay: {}, percentage: ALL } });
  const { response } = delayed.send(["x-envoy-fault-delay-request", "250"]);
  await Promise.resolve();
  assert.equal(delayed.clock.pendingTimers, 1);
  await delayed.clock.advance(250);
  assert.equal((await response).status, 204);
});

Deno.test("does not hit more requests at once than allowed", async () => {
  const { send } = setUp({ abort: { httpStatus: 503, percentage: ALL }, maxActiveFaults: { value: 1 } });
  const first = send();
  assert.equal((await first.response).status, 503);
  assert.equal((await send().response).status, 204, "the first is still under way");
  first.call.exchange.complete();
  assert.equal((await send().response).status, 503);
});

Deno.test("the route overrides the filter, or switches it off", async () => {
  const ofFilter = bytes({ abort: { httpStatus: 503, percentage: ALL } });
  const table: [Fault | object, number][] = [
    [{ abort: { httpStatus: 404, percentage: ALL } }, 404],
    [{}, 204],
    [FILTER_DISABLED, 204],
  ];
  for (const [fault, status] of table) {
    assert.equal((await setUp(fault, 0.5, ofFilter).send().response).status, status);
  }
  const { send } = setUp({}, 0.5, ofFilter);
  const { call, response } = send();
  await response;
  call.chosen = null;
  const handler = layerOf(faultFilter, ofFilter, fakeContext())(() => Promise.resolve(fakeResponse(204)));
  assert.equal((await handler(call.request, call)).status, 503, "without a route the filter's own applies");
});

Deno.test("says what is wrong with a fault, and what is not supported", () => {
  assert.throws(() => faultFilter.parse(bytes({ abort: { httpStatus: 99 }, delay: { fixedDelay: {} } })), (error) => {
    assert.match(String(error), /abort.http_status/);
    assert.match(String(error), /delay.fixed_delay/);
    return true;
  });
  const limited = bytes({ responseRateLimit: { percentage: ALL } });
  assert.deepEqual(faultFilter.parse(limited).unsupported, ["response_rate_limit: response rate limit"]);
});
