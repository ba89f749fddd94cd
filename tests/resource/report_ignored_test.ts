import assert from "node:assert/strict";
import { Issues } from "../../lib/resource/issues.ts";
import { reportIgnored } from "../../lib/resource/report_ignored.ts";

Deno.test("Fields that ask for something are reported, and nothing else", () => {
  const reported = (message: object) => {
    const issues = new Issues();
    reportIgnored(issues, "at.", message, ["some_field_2", "other"]);
    return issues.unsupported.map(({ path, what }) => `${path}: ${what}`);
  };
  for (const value of [undefined, null, false, "", 0, [], {}, { value: false }]) {
    assert.deepEqual(reported({ someField_2: 1, someField2: value }), [], JSON.stringify(value));
  }
  for (const value of [true, "x", 1, [0], { value: true }, { value: 3 }]) {
    assert.deepEqual(reported({ someField2: value }), ["at.some_field_2: some_field_2"], JSON.stringify(value));
  }
  assert.deepEqual(reported({ someField2: true, other: true, third: true }).length, 2);
});
