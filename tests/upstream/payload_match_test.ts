import assert from "node:assert/strict";
import { containsInOrder } from "../../lib/upstream/payload_match.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

for (
  const [content, pieces, found] of [
    ["", [], true],
    ["anything", [], true],
    ["PONG", ["PONG"], true],
    ["+PONG\r\n", ["PONG"], true],
    ["PON", ["PONG"], false],
    ["one two", ["one", "two"], true],
    ["two one", ["one", "two"], false],
    ["aab", ["ab"], true],
    ["a", ["a", "a"], false],
  ] as const
) {
  Deno.test(`'${content}' and the pieces '${pieces.join("', '")}'`, () => {
    assert.equal(containsInOrder(bytes(content), pieces.map(bytes)), found);
  });
}
