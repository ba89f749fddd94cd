import assert from "node:assert/strict";
import { PriorityExclusion } from "../../lib/upstream/priority_exclusion.ts";

Deno.test("Priorities are ruled out after every so many attempts", () => {
  const exclusion = new PriorityExclusion(2);
  const seen = [0, 0, 1, 1, 2].map((priority) => {
    exclusion.add(priority);
    return exclusion.excluded?.priorities ?? null;
  });
  assert.deepEqual(seen, [null, [0], [0], [0, 1], [0, 1]]);
});

Deno.test("When every priority was tried, counting begins anew", () => {
  const exclusion = new PriorityExclusion(1);
  const excluded = (priority: number) => {
    exclusion.add(priority);
    return exclusion.excluded?.priorities;
  };
  assert.deepEqual(excluded(0), [0]);
  assert.deepEqual(excluded(1), [0, 1]);
  exclusion.reset();
  assert.equal(exclusion.excluded, null);
  assert.deepEqual(excluded(0), [0]);
});
