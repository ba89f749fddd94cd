import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { upgradeLayer } from "../../lib/filter/upgrade_layer.ts";
import { type Body, QueueBody } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import type { ForwardAction, Route, VirtualHost } from "../../lib/resource/route.ts";

/** Runs a request through the layer; the route says what is given. */
function run(
  setting: { upgrade?: string; upgrades?: string[]; idleMs?: number; route?: Partial<ForwardAction>; status?: number },
) {
  const clock = new FakeClock();
  const cancelled: unknown[] = [];
  const queue = () => new QueueBody(null, { consumed() {}, cancelled: (reason) => cancelled.push(reason) });
  const [incoming, outgoing] = [queue(), queue()];
  const request: HttpRequest = {
    method: "GET",
    scheme: "http",
    authority: "a",
    path: "/",
    headers: new HeaderList(),
    body: incoming,
    protocol: "HTTP/1.1",
    ...(setting.upgrade === undefined ? {} : { upgrade: setting.upgrade }),
  };
  const call = new Call({ direction: "inbound", startTime: 0, request, exchange: new Exchange(), downstream: null });
  const action = { kind: "forward", upgrades: {}, idleTimeoutMs: null, ...setting.route } as ForwardAction;
  const route = { name: "r", action } as Route;
  call.chosen = { virtualHost: {} as VirtualHost, route, clusterName: null } as Call["chosen"];
  const layer = upgradeLayer({ upgrades: setting.upgrades ?? [], streamIdleTimeoutMs: setting.idleMs ?? 0 }, clock);
  const seen: { body: Body | null }[] = [];
  const answer = layer((given) => {
    seen.push({ body: given.body });
    const response: HttpResponse = { status: setting.status ?? 101, headers: new HeaderList(), body: outgoing };
    return Promise.resolve(response);
  })(request, call);
  return { clock, cancelled, incoming, outgoing, call, answer, seen };
}

Deno.test("upgradeLayer() lets pass what the route or the connection manager allows, and answers the rest with 403", async () => {
  const table: [Parameters<typeof run>[0], boolean][] = [
    [{}, true],
    [{ upgrade: "websocket", upgrades: ["websocket"] }, true],
    [{ upgrade: "websocket" }, false],
    [{ upgrade: "other", upgrades: ["websocket"] }, false],
    [{ upgrade: "websocket", route: { upgrades: { websocket: true } } }, true],
    [{ upgrade: "websocket", upgrades: ["websocket"], route: { upgrades: { websocket: false } } }, false],
    [{ upgrade: "websocket", upgrades: ["websocket"], route: { upgrades: { other: false } } }, true],
  ];
  for (const [setting, allowed] of table) {
    const { answer, call, cancelled, incoming, seen } = run(setting);
    if (allowed) {
      assert.equal((await answer).status, 101);
      assert.equal(seen[0]!.body, incoming);
      continue;
    }
    await assert.rejects(
      answer,
      (error) => error instanceof MeshError && error.code === "UPGRADE_UNSUPPORTED" && error.meaning.status === 403,
    );
    assert.equal(call.responseCodeDetails, "upgrade_failed");
    assert.equal(cancelled.length, 1);
    assert.equal(seen.length, 0);
  }
});

Deno.test("upgradeLayer() ends what is silent for stream_idle_timeout, and only that", async () => {
  for (
    const [setting, limit] of [[{ idleMs: 1000 }, 1000], [{ idleMs: 1, route: { idleTimeoutMs: 1000 } }, 1000]] as const
  ) {
    const { answer, clock, call, incoming, outgoing, seen } = run({
      upgrade: "websocket",
      upgrades: ["websocket"],
      ...setting,
    });
    const response = await answer;
    await clock.advance(limit - 1);
    incoming.push(new Uint8Array(1));
    await seen[0]!.body!.read();
    await clock.advance(limit - 1);
    outgoing.push(new Uint8Array(1));
    await response.body!.read();
    await clock.advance(limit - 1);
    assert.ok(!call.exchange.cancelled);
    await clock.advance(1);
    assert.ok(call.exchange.cancelled);
    assert.equal(call.responseFlags, "SI");
    assert.equal(call.responseCodeDetails, "stream_idle_timeout");
    call.exchange.complete();
  }
});

Deno.test("upgradeLayer() leaves a refused or finished upgrade without a timer", async () => {
  const refused = run({ upgrade: "websocket", upgrades: ["websocket"], idleMs: 1000, status: 404 });
  await refused.answer;
  await refused.clock.advance(5000);
  assert.ok(!refused.call.exchange.cancelled);
  const over = run({ upgrade: "websocket", upgrades: ["websocket"], idleMs: 1000 });
  await over.answer;
  over.call.exchange.complete();
  await over.clock.advance(5000);
  assert.ok(!over.call.exchange.cancelled);
});
