/** Answers too large for one turn of the event loop: made in slices, written member by member, given up with the client. */
import assert from "node:assert/strict";
import { writeJson } from "../../lib/admin/json_writer.ts";
import { parseFieldMask } from "../../lib/admin/field_mask.ts";
import { slicedResponse } from "../../lib/admin/sliced_response.ts";
import { WireAny } from "../../lib/admin/wire_any.ts";
import type { Clock } from "../../lib/internal/clock.ts";
import { anyToJson } from "../../lib/protobuf/json.ts";
import { typeUrl } from "../../lib/protobuf/registry.ts";
import { bytesOf } from "./fake_admin_view.ts";

const ROUTE = "envoy.config.route.v3.RouteConfiguration";

function routes(hosts: number): Uint8Array {
  return bytesOf(ROUTE, {
    name: "80",
    virtualHosts: Array.from({ length: hosts }, (_, i) => ({
      name: `host-${i}.default.svc.cluster.local`,
      domains: [`host-${i}`],
      routes: [{ match: { prefix: "/" }, route: { cluster: `c${i}`, timeout: { seconds: 1, nanos: 5e8 } } }],
    })),
    validateClusters: { value: false },
    requestHeadersToRemove: ["a", "b"],
  });
}

const text = (any: WireAny) => [...writeJson(any)].join("");

Deno.test("a large message is written member by member, and reads as it would in one piece", () => {
  const bytes = routes(2000);
  assert.ok(bytes.length > 100_000);
  const any = new WireAny(ROUTE, bytes);
  const pieces = [...writeJson(any)];
  assert.ok(pieces.length > 2000, String(pieces.length));
  assert.ok(Math.max(...pieces.map(({ length }) => length)) < 5000);
  assert.deepEqual(JSON.parse(pieces.join("")), anyToJson(typeUrl(ROUTE), bytes));
  // The members of a small one come in another order, which means nothing.
  const small = new WireAny(ROUTE, routes(1));
  assert.deepEqual(JSON.parse(text(small)), anyToJson(typeUrl(ROUTE), routes(1)));
});

Deno.test("a mask leaves the same of a large message as of a small one", () => {
  const mask = parseFieldMask("name,request_headers_to_remove");
  const expected = { "@type": typeUrl(ROUTE), name: "80", request_headers_to_remove: ["a", "b"] };
  for (const hosts of [1, 2000]) {
    assert.deepEqual(JSON.parse(text(new WireAny(ROUTE, routes(hosts)).masked(mask))), expected);
  }
});

Deno.test("bytes that are no message are shown as they are", () => {
  const bytes = new Uint8Array(100_000).fill(0xff);
  const json = JSON.parse(text(new WireAny(ROUTE, bytes)));
  assert.deepEqual(json, { "@type": typeUrl(ROUTE), value: bytes.toBase64() });
});

/** A clock on which each piece takes a millisecond; counts how often the event loop was let on. */
function slowClock(): Clock & { turns: number; ms: number } {
  const clock = {
    turns: 0,
    ms: 0,
    now: () => 0,
    monotonic: () => clock.ms,
    timer(_: number, callback: () => void) {
      clock.turns++;
      queueMicrotask(callback);
      return { cancel: () => {} };
    },
  };
  return clock;
}

Deno.test("what takes long is made in slices, with a turn of the event loop between them", async () => {
  const clock = slowClock();
  function* pieces() {
    for (let i = 0; i < 50; i++) {
      clock.ms++;
      yield `${i},`;
    }
  }
  const response = slicedResponse(pieces(), {}, clock);
  assert.ok(clock.ms <= 5, "one slice is made at once, the rest when it is asked for");
  assert.equal(await response.text(), Array.from({ length: 50 }, (_, i) => `${i},`).join(""));
  assert.ok(clock.turns >= 9, String(clock.turns));
});

Deno.test("what is quick is one piece, without a turn", async () => {
  const clock = slowClock();
  assert.equal(await slicedResponse(["a", "b"], {}, clock).text(), "ab");
  assert.equal(clock.turns, 0);
});

Deno.test("a client that goes away ends the work", async () => {
  const clock = slowClock();
  let ended = false;
  function* pieces() {
    try {
      for (;;) {
        clock.ms++;
        yield "x";
      }
    } finally {
      ended = true;
    }
  }
  const reader = slicedResponse(pieces(), {}, clock).body!.getReader();
  await reader.read();
  await reader.cancel();
  assert.ok(ended);
});
