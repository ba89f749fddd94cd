import assert from "node:assert/strict";
import fc from "fast-check";
import { CountingBody, grpcStatsFilter } from "../../filters/grpc_stats.ts";
import { BytesBody, QueueBody, readAll } from "../../lib/http/body.ts";
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

Deno.test("counts messages however they are cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.nat(40), { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
    async (lengths, cuts) => {
      const bytes = concat(lengths.map(message));
      const queue = new QueueBody(null, owner);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length]!;
        queue.push(bytes.slice(at, at + size));
        at += size;
      }
      queue.end(new HeaderList(["grpc-status", "0"]));
      let counted = 0;
      let ended = 0;
      const body = new CountingBody(queue, (count) => counted += count, () => ended++);
      assert.deepEqual(await readAll(body), bytes);
      assert.equal(counted, lengths.length);
      assert.equal(ended, 1);
    },
  ));
});

Deno.test("counts a body in memory once", () => {
  let counted = 0;
  const body = new CountingBody(new BytesBody(concat([message(3), message(0)])), (count) => counted += count);
  assert.equal(body.whole()?.length, 13);
  body.whole();
  assert.equal(counted, 2);
});

Deno.test("a lying length costs nothing", async () => {
  const bytes = new Uint8Array(100).fill(0xff);
  let counted = 0;
  await readAll(new CountingBody(new BytesBody(bytes), (count) => counted += count));
  assert.equal(counted, 1);
});

Deno.test("leaves counts and status on the call", async () => {
  const context = fakeContext();
  const request = fakeRequest(["content-type", "application/grpc"], new BytesBody(message(4)), "POST");
  const call = fakeCall(request, context);
  let reports = 0;
  call.onGrpcMessages = () => reports++;
  const handler = layerOf(grpcStatsFilter, CONFIG, context)(async (request) => {
    await readAll(request.body);
    const answer = new BytesBody(concat([message(1), message(2)]), new HeaderList(["grpc-status", "5"]));
    return fakeResponse(200, ["content-type", "application/grpc"], answer);
  });
  const response = await handler(request, call);
  assert.equal(call.grpcStatus, null, "the status comes with the trailers");
  await readAll(response.body);
  assert.deepEqual([call.grpcRequestMessages, call.grpcResponseMessages, call.grpcStatus], [1, 2, 5]);
  assert.equal(reports, 2);
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
