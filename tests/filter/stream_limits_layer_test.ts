import assert from "node:assert/strict";
import { type StreamLimitSettings, streamLimitsLayer } from "../../lib/filter/stream_limits_layer.ts";
import { QueueBody } from "../../lib/http/body.ts";
import type { ChosenRoute } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { ForwardAction } from "../../lib/resource/route.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { callOf, request } from "../support/calls.ts";
import { forwardAction, route, virtualHost } from "../support/resource_objects.ts";

const NONE: StreamLimitSettings = { streamIdleTimeoutMs: 0, maxStreamDurationMs: 0, requestTimeoutMs: 0 };

function queue(): QueueBody {
  return new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
}

function chosen(action: Partial<ForwardAction>): ChosenRoute {
  return { virtualHost: virtualHost(), route: route({ action: forwardAction(action) }), clusterName: "c" };
}

/** A stream whose upstream answers when the test says so. */
function setUp(
  settings: Partial<StreamLimitSettings>,
  action: Partial<ForwardAction> = {},
  message: HttpRequest = request(),
) {
  const clock = new FakeClock();
  const call = callOf(message);
  Object.defineProperty(call, "startTime", { value: clock.now() });
  call.chosen = chosen(action);
  const upstream = Promise.withResolvers<HttpResponse>();
  const abandoned: unknown[] = [];
  call.onAbandon = (reason) => {
    abandoned.push(reason);
    upstream.reject(reason);
  };
  const response = streamLimitsLayer({ ...NONE, ...settings }, clock)(() => upstream.promise)(message, call);
  const answer = (body: HttpResponse["body"] = null) =>
    upstream.resolve({ status: 200, headers: new HeaderList(), body });
  return { clock, call, response, answer, abandoned };
}

Deno.test("streamLimitsLayer() hands on what has no limits, without a timer", async () => {
  const { clock, response, answer } = setUp({});
  answer();
  assert.equal((await response).status, 200);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("streamLimitsLayer() answers 504 DT when the life of a stream is over, whatever is under way", async () => {
  for (
    const [settings, action] of [
      [{ maxStreamDurationMs: 100 }, {}],
      [{}, { streamDuration: { maxMs: 100, grpcHeaderMaxMs: null, grpcHeaderOffsetMs: 0 } }],
    ] as const
  ) {
    const { clock, call, response, abandoned } = setUp(settings, action);
    await clock.advance(100);
    assert.equal((await response).status, 504);
    assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["DT", "max_duration_timeout"]);
    assert.deepEqual([abandoned.length, call.abandoned, clock.pendingTimers], [1, true, 0]);
  }
});

Deno.test("streamLimitsLayer() answers 408 where the request itself is not complete", async () => {
  const { clock, response } = setUp({ maxStreamDurationMs: 100 }, {}, request({ body: queue() }));
  await clock.advance(100);
  assert.equal((await response).status, 408);
});

Deno.test("streamLimitsLayer() keeps to the caller's grpc-timeout where the route says so", async () => {
  const headers = ["content-type", "application/grpc", "grpc-timeout", "100m"];
  const table = [
    [{ maxMs: 0, grpcHeaderMaxMs: 0, grpcHeaderOffsetMs: 0 }, 100],
    [{ maxMs: 0, grpcHeaderMaxMs: 40, grpcHeaderOffsetMs: 0 }, 40],
    [{ maxMs: 0, grpcHeaderMaxMs: 0, grpcHeaderOffsetMs: 30 }, 70],
    [{ maxMs: 60, grpcHeaderMaxMs: null, grpcHeaderOffsetMs: 0 }, 60],
  ] as const;
  for (const [streamDuration, ms] of table) {
    const message = request({ pairs: [...headers] });
    const { clock, response, call } = setUp({}, { streamDuration }, message);
    assert.equal(message.headers.get("grpc-timeout"), `${ms}m`);
    await clock.advance(ms - 1);
    assert.equal(call.responseFlags, "-");
    await clock.advance(1);
    assert.equal((await response).headers.get("grpc-status"), "4");
  }
});

Deno.test("streamLimitsLayer() answers 504 SI after silence, which every chunk breaks", async () => {
  const body = queue();
  const message = request({ body });
  const { clock, call, response } = setUp({ streamIdleTimeoutMs: 100 }, {}, message);
  await clock.advance(90);
  body.push(new Uint8Array(1));
  await message.body!.read();
  await clock.advance(90);
  body.end();
  await message.body!.read();
  await clock.advance(99);
  assert.equal(call.responseFlags, "-");
  await clock.advance(1);
  assert.equal((await response).status, 504);
  assert.deepEqual([call.responseFlags, call.responseCodeDetails], ["SI", "stream_idle_timeout"]);
});

Deno.test("streamLimitsLayer() breaks a silent response off", async () => {
  const { clock, call, response, answer } = setUp({ streamIdleTimeoutMs: 100 }, { idleTimeoutMs: 50 });
  const body = queue();
  answer(body);
  const { body: passed } = await response;
  await clock.advance(40);
  body.push(new Uint8Array(1));
  await passed!.read();
  await clock.advance(49);
  assert.equal(call.exchange.cancelled, false);
  await clock.advance(1);
  assert.equal(call.exchange.cancelled, true);
  assert.equal(call.responseFlags, "SI");
});

Deno.test("streamLimitsLayer() answers 408 where the request takes too long to arrive", async () => {
  const message = request({ body: queue() });
  const { clock, call, response } = setUp({ requestTimeoutMs: 50 }, {}, message);
  await clock.advance(50);
  assert.equal((await response).status, 408);
  assert.equal(call.responseCodeDetails, "request_overall_timeout");
  const complete = request({ body: queue() });
  const other = setUp({ requestTimeoutMs: 50 }, {}, complete);
  (complete.body as unknown as { inner: QueueBody }).inner.end();
  await complete.body!.read();
  await other.clock.advance(100);
  other.answer();
  assert.equal((await other.response).status, 200);
});

Deno.test("streamLimitsLayer() ends its timers with the exchange, and with a failure", async () => {
  const answered = setUp({ maxStreamDurationMs: 100, streamIdleTimeoutMs: 100 });
  answered.answer();
  await answered.response;
  answered.call.exchange.complete();
  assert.equal(answered.clock.pendingTimers, 0);
  const failed = setUp({ maxStreamDurationMs: 100 });
  failed.call.onAbandon!(new Error("Failed"));
  await assert.rejects(failed.response, /Failed/);
  assert.equal(failed.clock.pendingTimers, 0);
});

Deno.test("streamLimitsLayer() watches upgrades: before the answer, and both directions after it", async () => {
  const upgrade = () => ({ ...request({ body: queue() }), upgrade: "websocket" });
  const waiting = setUp({ requestTimeoutMs: 10 }, { idleTimeoutMs: 100 }, upgrade());
  await waiting.clock.advance(100);
  assert.equal((await waiting.response).status, 408);
  assert.equal(waiting.call.responseFlags, "SI");

  const incoming = queue();
  const message = { ...request({ body: incoming }), upgrade: "websocket" };
  const { clock, call, response, answer } = setUp({ streamIdleTimeoutMs: 100 }, {}, message);
  const outgoing = queue();
  answer(outgoing);
  const { body } = await response;
  for (const [from, to] of [[incoming, message.body], [outgoing, body]] as const) {
    await clock.advance(99);
    from.push(new Uint8Array(1));
    await to!.read();
  }
  await clock.advance(99);
  assert.ok(!call.exchange.cancelled);
  await clock.advance(1);
  assert.ok(call.exchange.cancelled);
  assert.equal(call.responseCodeDetails, "stream_idle_timeout");
  call.exchange.complete();
});
