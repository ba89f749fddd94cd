import assert from "node:assert/strict";
import { streamLimitLayer } from "../../lib/filter/stream_limit_layer.ts";
import { type Body, BytesBody, QueueBody } from "../../lib/http/body.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import type { ForwardAction, Route, VirtualHost } from "../../lib/resource/route.ts";
import type { StreamExpired } from "../../lib/router/stream_expired.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { callOf, request } from "../support/calls.ts";
import { forwardAction } from "../support/resource_objects.ts";

interface Setting {
  route?: Partial<ForwardAction>;
  durationMs?: number;
  idleMs?: number;
  pairs?: string[];
  upgrade?: string;
  body?: Body;
}

/** Sends a request through the layer; what expires is noted. */
function run({ route: action = {}, durationMs = 0, idleMs = 0, pairs = [], upgrade, body }: Setting) {
  const clock = new FakeClock();
  const message = request({ pairs, ...(upgrade === undefined ? {} : { upgrade }) });
  const call = callOf(message);
  const route = { name: "r", action: forwardAction(action) } as Route;
  call.chosen = { virtualHost: {} as VirtualHost, route, clusterName: "c" } as Call["chosen"];
  const expired: StreamExpired[] = [];
  call.onExpire((error) => expired.push(error as StreamExpired));
  const answered = Promise.withResolvers<HttpResponse>();
  const layer = streamLimitLayer({ maxStreamDurationMs: durationMs, streamIdleTimeoutMs: idleMs }, clock);
  const response = layer(() => answered.promise)(message, call);
  const answer = () => answered.resolve({ status: 200, headers: new HeaderList(), body: body ?? null });
  const statuses = () => expired.map(({ reply }) => `${reply.status} ${reply.flag}`);
  return { clock, call, message, response, answer, statuses };
}

Deno.test("streamLimitLayer() lets a call expire after the route's duration, else the manager's", async () => {
  const table: [Setting, ms: number | null][] = [
    [{}, null],
    [{ durationMs: 100 }, 100],
    [{ durationMs: 100, route: { maxStreamDurationMs: 200 } }, 200],
    [{ durationMs: 100, route: { maxStreamDurationMs: 0 } }, null],
    [{ pairs: ["grpc-timeout", "50m"] }, null],
    [{ pairs: ["grpc-timeout", "50m"], route: { grpcStreamHeaderMaxMs: 0 } }, 50],
    [{ pairs: ["grpc-timeout", "5S"], route: { grpcStreamHeaderMaxMs: 300 } }, 300],
    [{ route: { grpcStreamHeaderMaxMs: 300, maxStreamDurationMs: 400 } }, 400],
    [{ durationMs: 100, upgrade: "websocket" }, null],
  ];
  for (const [setting, ms] of table) {
    const { clock, call, statuses } = run(setting);
    if (ms !== null) {
      await clock.advance(ms - 1);
      assert.deepEqual(statuses(), [], JSON.stringify(setting));
      await clock.advance(1);
    }
    await clock.advance(10_000);
    assert.deepEqual(statuses(), ms === null ? [] : ["504 DT"], JSON.stringify(setting));
    call.exchange.complete();
  }
});

Deno.test("streamLimitLayer() tells gRPC what the limit came to", () => {
  const pairs = ["content-type", "application/grpc", "grpc-timeout", "5S"];
  const { message, call } = run({ pairs, route: { grpcStreamHeaderMaxMs: 300 } });
  assert.equal(message.headers.get("grpc-timeout"), "300m");
  call.exchange.complete();
});

Deno.test("streamLimitLayer() lets a silent call expire, and each chunk begins the silence anew", async () => {
  const queue = new QueueBody(null, { consumed() {}, cancelled() {} });
  const { clock, call, response, answer, statuses } = run({ idleMs: 100, body: queue });
  await clock.advance(90);
  answer();
  const { body } = await response;
  await clock.advance(90);
  queue.push(new Uint8Array([1]));
  await body!.read();
  await clock.advance(90);
  assert.deepEqual(statuses(), []);
  await clock.advance(10);
  assert.deepEqual(statuses(), ["504 SI"]);
  call.exchange.complete();
});

Deno.test("streamLimitLayer() leaves content in memory as it is, and sets no timer that outlives the call", async () => {
  const body = new BytesBody(new Uint8Array([1]));
  const { clock, call, response, answer, statuses } = run({ idleMs: 100, durationMs: 100, body });
  answer();
  assert.equal((await response).body, body);
  call.exchange.complete();
  await clock.advance(1000);
  assert.deepEqual(statuses(), []);
});

Deno.test("a route's idle timeout of 0 switches the manager's off", async () => {
  const { clock, call, statuses } = run({ idleMs: 100, route: { idleTimeoutMs: 0 } });
  await clock.advance(1000);
  assert.deepEqual(statuses(), []);
  call.exchange.complete();
});
