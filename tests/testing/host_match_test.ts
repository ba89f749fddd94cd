import assert from "node:assert/strict";
import { hostsMeet, mostSpecific } from "../../lib/testing/host_match.ts";

Deno.test("hosts meet when one covers the other, whichever is the wildcard", () => {
  const cases: [string, string, boolean][] = [
    ["a.example", "a.example", true],
    ["a.example", "b.example", false],
    ["*.example", "a.example", true],
    ["a.example", "*.example", true],
    ["*.example", "example", false],
    ["*.a.example", "*.example", true],
    ["*.example", "*.a.example", true],
    ["*.a.example", "*.b.example", false],
    ["*", "anything.at.all", true],
  ];
  for (const [a, b, expected] of cases) assert.equal(hostsMeet(a, b), expected, `${a} and ${b}`);
});

Deno.test("the most specific entry is the host itself, else the longest wildcard", () => {
  const entries = new Map([["*", 1], ["*.example", 2], ["*.a.example", 3], ["x.a.example", 4]]);
  assert.equal(mostSpecific("x.a.example", entries), 4);
  assert.equal(mostSpecific("y.a.example", entries), 3);
  assert.equal(mostSpecific("b.example", entries), 2);
  assert.equal(mostSpecific("*.a.example", entries), 3);
  assert.equal(mostSpecific("*.b.example", entries), 2);
  assert.equal(mostSpecific("elsewhere", entries), 1);
  assert.equal(mostSpecific("elsewhere", new Map([["*.example", 1]])), undefined);
});
