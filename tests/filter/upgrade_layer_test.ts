import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { upgradeLayer } from "../../lib/filter/upgrade_layer.ts";
import { type Body, QueueBody } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { ForwardAction, Route, VirtualHost } from "../../lib/resource/route.ts";

/** Runs a request through the layer; the route says what is given. */
function run(
  setting: { upgrade?: string; upgrades?: string[]; route?: Partial<ForwardAction> },
) {
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
  const layer = upgradeLayer({ upgrades: setting.upgrades ?? [] });
  const seen: { body: Body | null }[] = [];
  const answer = layer((given) => {
    seen.push({ body: given.body });
    const response: HttpResponse = { status: 101, headers: new HeaderList(), body: outgoing };
    return Promise.resolve(response);
  })(request, call);
  return { cancelled, incoming, call, answer, seen };
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
