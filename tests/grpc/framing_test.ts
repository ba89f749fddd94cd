import fc from "fast-check";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { frameMessage, GrpcMessageReader } from "../../lib/grpc/framing.ts";
import { gunzip } from "../../lib/grpc/gunzip.ts";
import { GrpcStatus } from "../../lib/grpc/status.ts";
import { BytesBody, QueueBody } from "../../lib/http/body.ts";

function bodyOf(bytes: Uint8Array, cuts: readonly number[]): QueueBody {
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
  const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i++) body.push(bytes.slice(edges[i - 1]!, edges[i]!));
  return body;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function drain(reader: GrpcMessageReader): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for (let next = await reader.next(); next !== null; next = await reader.next()) messages.push(next.slice());
  return messages;
}

const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });

Deno.test("messages come out as they went in, whatever the chunks", async () => {
  await fc.assert(fc.asyncProperty(messages, fc.array(fc.nat(300)), fc.boolean(), async (sent, cuts, whole) => {
    const bytes = join(sent.map((message) => frameMessage(message)));
    const body = bodyOf(bytes, cuts);
    body.end();
    const reader = new GrpcMessageReader(whole ? new BytesBody(bytes) : body);
    assert.deepEqual(await drain(reader), sent);
  }));
  assert.equal(await new GrpcMessageReader(null).next(), null);
});

Deno.test("a stream that ends inside a message is INTERNAL", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(), async (message, cut) => {
    const bytes = frameMessage(message);
    const body = bodyOf(bytes.subarray(0, 1 + cut % (bytes.length - 1)), []);
    body.end();
    await assert.rejects(new GrpcMessageReader(body).next(), { status: GrpcStatus.INTERNAL });
  }));
});

Deno.test("a message above the limit is refused at its prefix, and the rest given up", async () => {
  let cancelled = false;
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true });
  body.push(frameMessage(new Uint8Array(101)).subarray(0, 5));
  const reader = new GrpcMessageReader(body, { maxBytes: 100 });
  await assert.rejects(reader.next(), { status: GrpcStatus.RESOURCE_EXHAUSTED });
  assert.ok(cancelled);
});

Deno.test("an unknown flag, and a compressed message without an encoding, are INTERNAL", async () => {
  const flagged = frameMessage(new Uint8Array(1));
  flagged[0] = 2;
  await assert.rejects(new GrpcMessageReader(new BytesBody(flagged)).next(), { status: GrpcStatus.INTERNAL });
  const packed = new BytesBody(frameMessage(new Uint8Array(1), true));
  await assert.rejects(new GrpcMessageReader(packed).next(), { status: GrpcStatus.INTERNAL });
});

Deno.test("gzip is unpacked, but not a bomb and not garbage", async () => {
  const message = new Uint8Array(5000).fill(7);
  const packed = frameMessage(gzipSync(message), true);
  const read = (maxBytes: number, bytes = packed) =>
    new GrpcMessageReader(new BytesBody(bytes), { maxBytes, decompress: gunzip }).next();
  assert.deepEqual(await read(5000), message);
  await assert.rejects(read(4999), { status: GrpcStatus.RESOURCE_EXHAUSTED });
  await assert.rejects(read(100, frameMessage(new Uint8Array(9), true)), { status: GrpcStatus.INTERNAL });
});

Deno.test("garbage ends in a status, never in anything else", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
    await drain(new GrpcMessageReader(new BytesBody(bytes), { maxBytes: 20 })).catch((error) => {
      assert.equal(error.name, "GrpcStatusError");
    });
  }));
});

Deno.test("the only message of a body that has arrived is there at once; anything else is read on", async () => {
  const one = frameMessage(Uint8Array.of(1, 2));
  assert.deepEqual([...new GrpcMessageReader(new BytesBody(one)).only()!], [1, 2]);
  assert.deepEqual([...new GrpcMessageReader(new BytesBody(frameMessage(new Uint8Array(0)))).only()!], []);
  const others: Record<string, Uint8Array> = {
    two: join([one, one]),
    none: new Uint8Array(0),
    cut: one.slice(0, 6),
    packed: frameMessage(Uint8Array.of(1), true),
    large: frameMessage(new Uint8Array(9)),
  };
  for (const [name, bytes] of Object.entries(others)) {
    assert.equal(new GrpcMessageReader(new BytesBody(bytes), { maxBytes: 8 }).only(), null, name);
  }
  const reader = new GrpcMessageReader(new BytesBody(others.two!));
  assert.equal(reader.only(), null);
  assert.deepEqual((await drain(reader)).map((message) => [...message]), [[1, 2], [1, 2]]);
  const body = bodyOf(one, []);
  const early = new GrpcMessageReader(body);
  assert.equal(early.only(), null);
  body.end();
  assert.deepEqual([...(await early.next())!], [1, 2]);
});

Deno.test("what has arrived is read without waiting", async () => {
  const message = new Uint8Array([1, 2, 3]);
  const two = new Uint8Array([...frameMessage(message), ...frameMessage(new Uint8Array(0))]);
  const whole = new GrpcMessageReader(new BytesBody(two));
  assert.deepEqual(whole.nextNow(), message);
  assert.deepEqual(whole.nextNow(), new Uint8Array(0));
  assert.equal(whole.nextNow(), null);
  const cut = new GrpcMessageReader(new BytesBody(two.subarray(0, 7)));
  assert.equal(cut.nextNow(), undefined);
  await assert.rejects(cut.next(), /cut off/);
  const large = new GrpcMessageReader(new BytesBody(two), { maxBytes: 2 });
  assert.equal(large.nextNow(), undefined);
  await assert.rejects(large.next(), /larger than allowed/);
});
