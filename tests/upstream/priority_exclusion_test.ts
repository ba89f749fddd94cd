import assert from "node:assert/strict";
import { PriorityExclusion } from "../../lib/upstream/priority_exclusion.ts";

Deno.test("Priorities are ruled out after every so many attempts", () => {
  const exclusion = new PriorityExclusion(2);
  const seen = [0, 0, 1, 1, 2].map((priority) => {
    exclusion.add(priority);
    return exclusion.excluded;
  });
  assert.deepEqual(seen, [null, [0], [0], [0, 1], [0, 1]]);
});
