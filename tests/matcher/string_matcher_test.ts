import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { compileStringMatch, type StringMatchInput } from "../../lib/matcher/string_matcher.ts";

function match(kind: StringMatchInput["kind"], value: string, ignoreCase = false) {
  return compileStringMatch({ kind, value, ignoreCase });
}

Deno.test("compares as the kind says", () => {
  const table: [StringMatchInput["kind"], string, boolean, string, boolean][] = [
    ["exact", "abc", false, "abc", true],
    ["exact", "abc", false, "ABC", false],
    ["exact", "aBc", true, "AbC", true],
    ["prefix", "ab", false, "abc", true],
    ["prefix", "ab", false, "xab", false],
    ["prefix", "AB", true, "abc", true],
    ["suffix", "bc", false, "abc", true],
    ["suffix", "bc", false, "bca", false],
    ["contains", "b", false, "abc", true],
    ["contains", "B", true, "abc", true],
    ["contains", "x", false, "abc", false],
    ["regex", "a[bc]+", false, "abcb", true],
    ["regex", "a[bc]+", false, "xabcb", false],
    ["regex", "a[bc]+", false, "abcbx", false],
  ];
  for (const [kind, wanted, ignoreCase, value, outcome] of table) {
    assert.equal(match(kind, wanted, ignoreCase)(value), outcome, `${kind} ${wanted} ${value}`);
  }
});

Deno.test("compares the bytes of what is not ASCII", () => {
  const header = "\xc3\xa9"; // The two bytes of é in UTF-8.
  assert.equal(match("exact", "é")(header), true);
  assert.equal(match("regex", ".")(header), false);
  assert.equal(match("regex", "..")(header), true);
  assert.equal(match("regex", "é")(header), true);
  assert.equal(match("regex", ".*é.*")("x" + header), true);
  assert.equal(match("regex", ".*b.*")("a\xffb"), true);
  assert.equal(match("exact", "É", true)(header), false, "only ASCII letters are folded");
  assert.equal(match("exact", "Aé", true)("a" + header), true);
});

Deno.test("patterns of policies decide as RE2 does", () => {
  const patterns = [
    ".*",
    ".+",
    "",
    "abc",
    "a\\.b",
    ".*/ns/default/.*",
    ".*/sa/x",
    "spiffe://td/.*",
    ".+b.+",
    "a.+",
    ".+c",
    "^abc$",
    "a\\.*",
    ".*\\.+",
    "a\\d.*",
    "a|b.*",
    ".*.*",
    "a\\$",
    "[ab].*",
  ];
  const alphabet = fc.constantFrom("a", "b", "c", ".", "/", "\n", "1", "$", "\xff", "ns", "/ns/default/", "/sa/x");
  fc.assert(
    fc.property(fc.constantFrom(...patterns), fc.array(alphabet, { maxLength: 8 }), (pattern, parts) => {
      const value = parts.join("");
      assert.equal(match("regex", pattern)(value), RE2JS.compile(pattern).testExact(value), pattern);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("says what is wrong with a pattern", () => {
  assert.throws(() => match("regex", "(?=a)"), {
    name: "SyntaxError",
    message:
      "Cannot compile regular expression '(?=a)': invalid or unsupported Perl syntax: `(?=`; patterns are RE2 syntax",
  });
});
