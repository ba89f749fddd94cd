import assert from "node:assert/strict";
import fc from "fast-check";
import { ContextTable } from "../../lib/proxy_wasm/context_table.ts";

Deno.test("contexts are found by their numbers while they live, whatever comes and goes", () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 600 }), (steps) => {
    const table = new ContextTable<{ id: number }>();
    const live = new Map<number, { id: number }>();
    const dead = new Set<number>();
    for (const step of steps) {
      if (step < 6 || live.size === 0) {
        const context = { id: table.nextId() };
        assert.equal(live.has(context.id), false);
        assert.ok(context.id > 0);
        table.add(context);
        live.set(context.id, context);
      } else {
        const [id, context] = [...live][step % live.size]!;
        table.remove(context);
        table.remove(context);
        live.delete(id);
        dead.add(id);
      }
      assert.equal(table.size, live.size);
    }
    for (const [id, context] of live) assert.equal(table.find(id), context);
    for (const id of dead) if (!live.has(id)) assert.equal(table.find(id), undefined);
    assert.deepEqual(new Set(table.all()), new Set(live.values()));
    assert.equal(table.find(0), undefined);
    assert.equal(table.find(-1), undefined);
  }));
});

Deno.test("numbers are not given again soon", () => {
  const table = new ContextTable<{ id: number }>();
  const root = { id: table.nextId() };
  table.add(root);
  let last = root.id;
  for (let i = 0; i < 1000; i++) {
    const context = { id: table.nextId() };
    assert.ok(context.id > last);
    last = context.id;
    table.add(context);
    table.remove(context);
  }
  table.clear();
  assert.equal(table.size, 0);
  assert.equal(table.find(root.id), undefined);
});
