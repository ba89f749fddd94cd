import assert from "node:assert/strict";
import { similarNames } from "../../lib/cli/routes/similar_names.ts";

Deno.test("names that were meant, the nearest first", () => {
  const known = ["reviews", "ratings", "review", "preview", "cart", "a"];
  const cases: [string, string[]][] = [
    ["reveiws", ["reviews", "review"]],
    ["reviws", ["reviews", "review"]],
    ["cat", ["cart"]],
    ["reviews", ["review", "preview"]],
    ["b", []],
    ["somewhere", []],
  ];
  for (const [name, expected] of cases) assert.deepEqual(similarNames(name, known), expected, name);
});
