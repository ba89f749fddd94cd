import assert from "node:assert/strict";
import { compilePathForm, type PathFormSettings, PathRedirect } from "../../lib/router/path_form.ts";

const NONE: PathFormSettings = { normalizePath: false, mergeSlashes: false, pathWithEscapedSlashes: "keep" };

function form(target: string, settings: Partial<PathFormSettings>): string | null {
  const formed = compilePathForm({ ...NONE, ...settings })(target);
  return formed instanceof PathRedirect ? `to ${formed.target}` : formed;
}

Deno.test("paths are left alone unless something is asked for, but a fragment is refused", () => {
  assert.equal(form("/a/../b//c%2Fd", {}), "/a/../b//c%2Fd");
  assert.equal(form("/a#b", {}), null);
});

Deno.test("dots go before repeated slashes, and the query stays", () => {
  assert.equal(form("/a//../b?x=//../", { normalizePath: true, mergeSlashes: true }), "/a/b?x=//../");
  assert.equal(form("//a///b//?x=//", { mergeSlashes: true }), "/a/b/?x=//");
  assert.equal(form("///", { mergeSlashes: true }), "//");
  assert.equal(form("/", { mergeSlashes: true }), "/");
});

Deno.test("escaped slashes", () => {
  const each = (action: PathFormSettings["pathWithEscapedSlashes"]) =>
    ["/a%2Fb?x=%2f", "/a%5cb", "/a/b"].map((target) =>
      form(target, { normalizePath: true, pathWithEscapedSlashes: action })
    );
  assert.deepEqual(each("keep"), ["/a%2Fb?x=%2f", "/a%5cb", "/a/b"]);
  assert.deepEqual(each("reject"), [null, null, "/a/b"]);
  assert.deepEqual(each("unescape_and_forward"), ["/a/b?x=%2f", "/a/b", "/a/b"]);
  assert.deepEqual(each("unescape_and_redirect"), ["to /a/b?x=%2f", "to /a/b", "/a/b"]);
  assert.equal(form("/a%2F..%2Fb", { normalizePath: true, pathWithEscapedSlashes: "unescape_and_forward" }), "/b");
});
