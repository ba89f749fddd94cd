import assert from "node:assert/strict";
import fc from "fast-check";
import { counted, grpcStatsFilter } from "../../filters/grpc_stats.ts";
import { type Body, BytesBody, QueueBody, readAll } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, layerOf } from "./fake_call.ts";

const CONFIG = Uint8Array.of(0x0a, 0x00).slice(2);

function message(length: number): Uint8Array {
  const bytes = new Uint8Array(5 + length);
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

function concat(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const owner = { consumed: () => {}, cancelled: () => {} };

/** The same content without a way to look on: as from a filter that changes it. */
function unwatched(body: Body): Body {
  return {
    length: body.length,
    get trailers() {
      return body.trailers;
    },
    whole: () => body.whole(),
    read: () => body.read(),
    cancel: (reason) => body.cancel(reason),
  };
}

Deno.test("counts messages however they are cut, as they arrive or as they are read", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.nat(40), { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
    fc.nat(200),
    fc.boolean(),
    async (lengths, cuts, early, watched) => {
      const bytes = concat(lengths.map(message));
      const queue = new QueueBody(null, owner);
      let messages = 0;
      let ended = 0;
      let body: Body | null = null;
      const begin = () => {
        body = counted(watched ? queue : unwatched(queue), (count) => messages += count, () => ended++);
      };
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length]!;
        if (body === null && at >= early) begin();
        queue.push(bytes.slice(at, at + size));
        at += size;
      }
      if (body === null) begin();
      queue.end(new HeaderList(["grpc-status", "0"]));
      if (watched) assert.deepEqual([messages, ended], [lengths.length, 1], "before anything is read");
      assert.deepEqual(await readAll(body), bytes);
      assert.deepEqual([messages, ended], [lengths.length, 1]);
    },
  ));
});

Deno.test("counts a body in memory once", () => {
  for (const watched of [true, false]) {
    const bytes = new BytesBody(concat([message(3), message(0)]));
    let messages = 0;
    const body = counted(watched ? bytes : unwatched(bytes), (count) => messages += count);
    assert.equal(body.whole()?.length, 13);
    body.whole();
    assert.equal(messages, 2);
  }
});

Deno.test("a lying length costs nothing", () => {
  let messages = 0;
  counted(new BytesBody(new Uint8Array(100).fill(0xff)), (count) => messages += count);
  assert.equal(messages, 1);
});

Deno.test("leaves counts and status on the call", async () => {
  const context = fakeContext();
  const request = fakeRequest(["content-type", "application/grpc"], new BytesBody(message(4)), "POST");
  const call = fakeCall(request, context);
  const handler = layerOf(grpcStatsFilter, CONFIG, context)(async (request) => {
    await readAll(request.body);
    const answer = new BytesBody(concat([message(1), message(2)]), new HeaderList(["grpc-status", "5"]));
    return fakeResponse(200, ["content-type", "application/grpc"], answer);
  });
  const response = await handler(request, call);
  assert.deepEqual([call.grpcRequestMessages, call.grpcResponseMessages, call.grpcStatus], [1, 2, 5]);
  assert.equal(response.body?.trailers?.get("grpc-status"), "5");
});

Deno.test("reads the status of an answer of headers only", async () => {
  const context = fakeContext();
  const request = fakeRequest(["content-type", "application/grpc+proto"]);
  const call = fakeCall(request, context);
  const handler = layerOf(grpcStatsFilter, CONFIG, context)(() =>
    Promise.resolve(fakeResponse(200, ["grpc-status", "14"]))
  );
  await handler(request, call);
  assert.equal(call.grpcStatus, 14);
});

Deno.test("leaves other requests alone", async () => {
  const context = fakeContext();
  const body = new BytesBody(message(4));
  const request = fakeRequest(["content-type", "application/json"], body, "POST");
  const call = fakeCall(request, context);
  await layerOf(grpcStatsFilter, CONFIG, context)(() => Promise.resolve(fakeResponse()))(request, call);
  assert.equal(request.body, body);
});
