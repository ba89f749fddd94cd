import assert from "node:assert/strict";
import fc from "fast-check";
import { MeshError } from "../../lib/errors.ts";
import { type Body, QueueBody, readAll } from "../../lib/http/body.ts";
import { RequestBuffer } from "../../lib/upstream/request_buffer.ts";

function queue(): { body: QueueBody; cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  return {
    body: new QueueBody(null, { consumed: () => {}, cancelled: (reason) => cancelled.push(reason) }),
    cancelled,
  };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function text(body: Body): Promise<string> {
  return new TextDecoder().decode((await readAll(body))!);
}

Deno.test("Each attempt gets the content from its beginning, wherever the one before has stopped", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 5 }), { maxLength: 8 }),
    fc.array(fc.nat(8), { maxLength: 4 }),
    async (chunks, stops) => {
      const { body } = queue();
      const buffer = new RequestBuffer(body, 1000);
      for (const chunk of chunks) body.push(chunk);
      body.end();
      const expected = chunks.flatMap((chunk) => [...chunk]);
      for (const stop of stops) {
        const attempt = buffer.attempt();
        for (let read = 0; read < stop; read++) await attempt.read();
      }
      assert.deepEqual([...(await readAll(buffer.attempt()))!], expected);
      assert.equal(buffer.replayable, true);
      assert.deepEqual([...buffer.whole()!], expected);
    },
  ));
});

Deno.test("A chunk that was asked for by one attempt goes to the next", async () => {
  const { body } = queue();
  const buffer = new RequestBuffer(body, 100);
  const first = buffer.attempt();
  const asked = first.read();
  first.cancel(new Error("Reset"));
  assert.equal(await asked, null);
  const second = buffer.attempt();
  const read = second.read();
  body.push(bytes("late"));
  assert.deepEqual(await read, bytes("late"));
});

Deno.test("An attempt that gives up leaves the source alone until there will be no other", async () => {
  const { body, cancelled } = queue();
  const buffer = new RequestBuffer(body, 100);
  buffer.attempt().cancel(new Error("Reset"));
  assert.deepEqual(cancelled, []);
  const second = buffer.attempt();
  buffer.commit();
  assert.deepEqual(cancelled, []);
  const reason = new Error("Answered");
  second.cancel(reason);
  assert.deepEqual(cancelled, [reason]);
  assert.equal(await second.read(), null);
});

Deno.test("An answer that came while the attempt had stopped reading ends the source", () => {
  const { body, cancelled } = queue();
  const buffer = new RequestBuffer(body, 100);
  buffer.attempt().cancel(new Error("Reset"));
  buffer.commit();
  assert.deepEqual(cancelled, [undefined]);
});

Deno.test("After the answer nothing is kept, and content goes straight through", async () => {
  const { body } = queue();
  const buffer = new RequestBuffer(body, 100);
  const attempt = buffer.attempt();
  body.push(bytes("one "));
  await attempt.read();
  buffer.commit();
  assert.equal(buffer.replayable, false);
  assert.equal(buffer.passThrough, body);
  body.push(bytes("two"));
  body.end();
  assert.equal(await text(attempt), "two");
});

Deno.test("A failing source fails whoever reads", async () => {
  const { body } = queue();
  const buffer = new RequestBuffer(body, 100);
  const attempt = buffer.attempt();
  const mirror = buffer.mirror();
  const [read, copied] = [attempt.read(), mirror.read()];
  body.fail(new Error("Gone"));
  await assert.rejects(read, /Gone/);
  await assert.rejects(copied, /Gone/);
  assert.equal(buffer.replayable, false);
  await assert.rejects(attempt.read(), /Gone/);
});

Deno.test("A mirror holds up nobody, and is given up when it lags behind by more than the limit", async () => {
  const { body } = queue();
  const buffer = new RequestBuffer(body, 5);
  const attempt = buffer.attempt();
  const [quick, slow] = [buffer.mirror(), buffer.mirror()];
  for (const chunk of ["abc", "def", "ghi"]) {
    const read = [attempt.read(), quick.read()];
    body.push(bytes(chunk));
    assert.deepEqual(await Promise.all(read), [bytes(chunk), bytes(chunk)]);
  }
  body.end();
  assert.equal(await attempt.read(), null);
  assert.equal(await quick.read(), null);
  await assert.rejects(slow.read(), (error) => error instanceof MeshError && /does not keep up/.test(error.message));
});

Deno.test("A mirror that reads what is there does not pull", async () => {
  const { body } = queue();
  const buffer = new RequestBuffer(body, 100);
  const mirror = buffer.mirror();
  body.push(bytes("one"));
  const copied = mirror.read();
  assert.equal(body.buffered, 3);
  assert.deepEqual(await buffer.attempt().read(), bytes("one"));
  assert.deepEqual(await copied, bytes("one"));
  buffer.cancel();
  await assert.rejects(mirror.read(), /is over/);
});
