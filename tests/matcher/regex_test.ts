import assert from "node:assert/strict";
import { checkSubstitution, compileRegex } from "../../lib/matcher/regex.ts";

Deno.test("replaces every match by the substitution", () => {
  const table: [string, string, string, string][] = [
    ["^/service/([^/]+)(/.*)$", "/service/foo/v1/api", "\\2/instance/\\1", "/v1/api/instance/foo"],
    ["one", "/xxx/one/yyy/one/zzz", "two", "/xxx/two/yyy/two/zzz"],
    ["o", "foo", "\\0\\0", "foooo"],
    ["/a", "/b", "/c", "/b"],
    ["a", "ab", "\\\\", "\\b"],
    ["(x)?a", "a", "[\\1]", "[]"],
  ];
  for (const [pattern, value, substitution, expected] of table) {
    assert.equal(compileRegex(pattern).replaceAll(value, substitution), expected, pattern);
  }
});

Deno.test("checks a substitution against its pattern", () => {
  checkSubstitution("(a)(b)", "\\2\\1");
  assert.throws(() => checkSubstitution("(a)", "\\2"), /group 2 is not in the pattern '\(a\)', which has 1/);
  assert.throws(() => checkSubstitution("(a)", "\\x"), /a backslash is followed by 'x'/);
  assert.throws(() => checkSubstitution("(a)", "end\\"), /a backslash is followed by ''/);
});

Deno.test("takes linear time for patterns that explode elsewhere", () => {
  const value = "a".repeat(5000) + "!";
  assert.equal(compileRegex("(a+)+").matches(value), false);
});

Deno.test("gives the same object for the same pattern, and forgets old ones", () => {
  const first = compileRegex("memo-[0-9]+");
  assert.equal(compileRegex("memo-[0-9]+"), first);
  for (let i = 0; i < 2000; i++) compileRegex(`x${i}`);
  assert.notEqual(compileRegex("memo-[0-9]+"), first);
});

Deno.test("Nothing is replaced where the substitution names a group that is not there", () => {
  assert.equal(compileRegex("a").replaceAll("abc", "\\1"), "abc");
});
