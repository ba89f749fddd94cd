import assert from "node:assert/strict";
import fc from "fast-check";
import { Bag, type BagEntry } from "../../lib/internal/bag.ts";

Deno.test("a bag holds what was added and not removed, whatever the order", () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (steps) => {
    const bag = new Bag<number>();
    const known: BagEntry<number>[] = [];
    const model = new Set<number>();
    steps.forEach((step, value) => {
      const entry = known[step];
      if (entry === undefined) {
        known.push(bag.add(value));
        model.add(value);
      } else {
        bag.remove(entry);
        model.delete(entry.value);
      }
      assert.equal(bag.size, model.size);
    });
    assert.deepEqual(bag.values().sort(), [...model].sort());
  }));
});

Deno.test("removing an entry a second time takes nothing else out", () => {
  const bag = new Bag<string>();
  const first = bag.add("first");
  bag.remove(first);
  bag.add("second");
  bag.remove(first);
  assert.deepEqual(bag.values(), ["second"]);
});

Deno.test("values is a copy: removing while going through it skips nothing", () => {
  const bag = new Bag<string>();
  const entries = new Map(["a", "b", "c"].map((name) => [name, bag.add(name)]));
  const seen: string[] = [];
  for (const name of bag.values()) {
    seen.push(name);
    bag.remove(entries.get(name)!);
  }
  assert.deepEqual(seen, ["a", "b", "c"]);
  assert.equal(bag.size, 0);
});
