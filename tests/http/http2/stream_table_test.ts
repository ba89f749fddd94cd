import assert from "node:assert/strict";
import fc from "fast-check";
import { StreamTable } from "../../../lib/http/http2/stream_table.ts";

Deno.test("streams come and go as in a Map, whatever outlives what", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ opened: fc.integer({ min: 1, max: 400 }), closed: fc.array(fc.nat(), { maxLength: 400 }) })),
      (rounds) => {
        const table = new StreamTable<{ id: number }>();
        const model = new Map<number, { id: number }>();
        let next = 1;
        for (const { opened, closed } of rounds) {
          for (let i = 0; i < opened; i++, next += 2) {
            const stream = { id: next };
            table.add(stream);
            model.set(next, stream);
          }
          for (const pick of closed) {
            const stream = [...model.values()][pick % Math.max(1, model.size)];
            if (stream === undefined) break;
            table.delete(stream);
            table.delete(stream);
            model.delete(stream.id);
          }
          assert.equal(table.size, model.size);
          assert.deepEqual(table.values().map(({ id }) => id).sort((a, b) => a - b), [...model.keys()]);
          for (let id = 1; id < next; id += 2) assert.equal(table.get(id), model.get(id));
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("one that outlives thousands is still found", () => {
  const table = new StreamTable<{ id: number }>();
  const old = { id: 1 };
  table.add(old);
  for (let id = 3; id < 20_000; id += 2) {
    const stream = { id };
    table.add(stream);
    assert.equal(table.get(id), stream);
    table.delete(stream);
  }
  assert.equal(table.get(1), old);
  assert.equal(table.get(2049), undefined);
  assert.equal(table.size, 1);
});
