import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { forwardedFor } from "../../lib/router/forwarded_for.ts";

const TABLE: readonly (readonly [values: readonly string[], hops: number, found: string | null])[] = [
  [[], 0, null],
  [[""], 0, null],
  [["1.2.3.4"], 0, "1.2.3.4"],
  [["1.2.3.4"], 1, null],
  [["1.2.3.4, 5.6.7.8"], 0, "5.6.7.8"],
  [["1.2.3.4, 5.6.7.8 "], 1, "1.2.3.4"],
  [["1.2.3.4", "::1"], 0, "::1"],
  [["1.2.3.4", "::1"], 1, "1.2.3.4"],
  [["1.2.3.4:80"], 0, null],
  [["[::1]"], 0, null],
  [["host.example"], 0, null],
  [["1.2.3.4,"], 0, null],
];

for (const [values, hops, found] of TABLE) {
  Deno.test(`x-forwarded-for: '${values.join("' and '")}' with ${hops} trusted hops names ${found}`, () => {
    assert.equal(forwardedFor(new HeaderList(values.flatMap((value) => ["x-forwarded-for", value])), hops), found);
  });
}
