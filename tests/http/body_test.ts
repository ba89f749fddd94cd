import fc from "fast-check";
import assert from "node:assert/strict";
import { QueueBody, readAll } from "../../lib/http/body.ts";

function queue(): { body: QueueBody; consumed: () => number } {
  let total = 0;
  const body = new QueueBody(null, { consumed: (bytes) => total += bytes, cancelled: () => {} });
  return { body, consumed: () => total };
}

Deno.test("a body read late or early gives every byte once, in order, and accounts for each", async () => {
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 400, max: 6000 })) }),
    fc.constant({ read: true } as const),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const { body, consumed } = queue();
    const pushed: number[] = [];
    const read: number[] = [];
    for (const each of steps) {
      if ("push" in each) {
        const chunk = Uint8Array.from({ length: each.push }, (_, i) => pushed.length + i);
        pushed.push(...chunk);
        body.push(chunk);
      } else if (body.buffered > 0) {
        read.push(...(await body.read())!);
      }
      assert.equal(body.buffered + consumed(), pushed.length);
    }
    body.end();
    read.push(...(await readAll(body))!);
    assert.deepEqual(read, [...Uint8Array.from(pushed)]);
    assert.equal(consumed(), pushed.length);
  }));
});

Deno.test("single bytes that wait are joined", async () => {
  const { body } = queue();
  for (let i = 0; i < 10_000; i++) body.push(Uint8Array.of(i));
  body.end();
  let chunks = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) chunks++;
  assert.ok(chunks <= 4, `${chunks} chunks`);
});
