import assert from "node:assert/strict";
import fc from "fast-check";
import { ResourceTable, type ResourceView } from "../../lib/resource/resource_table.ts";

function entries(table: ResourceView<number>): [string, number][] {
  return [...table.names()].map((name): [string, number] => [name, table.get(name)!]).sort();
}

Deno.test("A table behaves as a Map, and a view of it never changes", () => {
  const name = fc.nat(200).map((number) => `n${number}`);
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), name, value: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
  );
  fc.assert(fc.property(fc.array(action, { maxLength: 600, size: "max" }), (actions) => {
    const table = new ResourceTable<number>();
    const model = new Map<string, number>();
    let changed = new Set<string>();
    const views: { view: ResourceView<number>; expected: [string, number][] }[] = [];
    for (const action of actions) {
      if (action.kind === "set") {
        table.set(action.name, action.value);
        model.set(action.name, action.value);
        changed.add(action.name);
      } else if (action.kind === "delete") {
        table.delete(action.name);
        if (model.delete(action.name)) changed.add(action.name);
      } else {
        assert.deepEqual(table.takeChanges(), changed);
        changed = new Set();
        views.push({ view: table.take(), expected: [...model].sort() });
      }
    }
    assert.deepEqual(entries(table), [...model].sort());
    assert.deepEqual([...table.versions()].sort(), [...model.values()].sort());
    for (const { view, expected } of views) assert.deepEqual(entries(view), expected);
  }));
});

Deno.test("The same view until something changes", () => {
  const table = new ResourceTable<number>();
  table.set("a", 1);
  const view = table.take();
  assert.equal(table.take(), view);
  table.delete("b");
  assert.equal(table.take(), view);
  table.set("a", 2);
  assert.notEqual(table.take(), view);
});
