import assert from "node:assert/strict";
import fc from "fast-check";
import { normalizePath } from "../../lib/router/normalize_path.ts";

Deno.test("normalizePath() resolves dots, backslashes and needless escapes, and leaves the query alone", () => {
  const cases: [string, string | null][] = [
    ["/", "/"],
    ["/a/b?x=/../y", "/a/b?x=/../y"],
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/../../a", "/a"],
    ["/a/..", "/"],
    ["/a/b/.", "/a/b/"],
    ["/a//../b", "/a/b"],
    ["/a\\b", "/a/b"],
    ["/%61%2Fb", "/a%2Fb"],
    ["/x/%2e%2E/y", "/y"],
    ["/.hidden", "/.hidden"],
    ["/a%zz", "/a%zz"],
    ["/a%", "/a%"],
    ["/%/%41%2%42", "/%/A%2B"],
    ["/a%00", null],
    ["*", "*"],
    ["", ""],
  ];
  for (const [given, expected] of cases) assert.equal(normalizePath(given), expected, given);
});

Deno.test("normalizePath() gives a path that it leaves alone, without dot segments", () => {
  const segment = fc.constantFrom("a", "..", ".", "", "%2e", "%2E%2e", "%41", "b\\..", "...");
  fc.assert(fc.property(fc.array(segment, { maxLength: 8 }), (segments) => {
    const once = normalizePath(`/${segments.join("/")}`)!;
    assert.equal(normalizePath(once), once);
    assert.ok(!once.split("/").some((part) => part === "." || part === ".."), once);
  }));
});
