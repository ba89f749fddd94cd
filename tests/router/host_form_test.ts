import assert from "node:assert/strict";
import { compileHostForm } from "../../lib/router/host_form.ts";

const NONE = { stripTrailingHostDot: false, stripAnyHostPort: false, stripMatchingHostPort: false };

Deno.test("nothing is compiled where nothing is stripped", () => {
  assert.equal(compileHostForm(NONE), null);
});

Deno.test("ports and dots are stripped as from Envoy 1.40", () => {
  const any = compileHostForm({ ...NONE, stripAnyHostPort: true })!;
  const matching = compileHostForm({ ...NONE, stripMatchingHostPort: true })!;
  const dot = compileHostForm({ ...NONE, stripTrailingHostDot: true })!;
  const local = "10.0.0.1:80";
  const table: readonly (readonly [string, string, string, string])[] = [
    ["a", "a", "a", "a"],
    ["a:80", "a", "a", "a:80"],
    ["a:81", "a", "a:81", "a:81"],
    ["[::1]:80", "[::1]", "[::1]", "[::1]:80"],
    ["[::1]", "[::1]", "[::1]", "[::1]"],
    ["a.", "a.", "a.", "a"],
    ["a.:80", "a.", "a.", "a:80"],
    ["a..", "a..", "a..", "a."],
    ["a:x", "a:x", "a:x", "a:x"],
  ];
  for (const [host, withoutAny, withoutMatching, withoutDot] of table) {
    assert.equal(any(host, local), withoutAny, host);
    assert.equal(matching(host, local), withoutMatching, host);
    assert.equal(dot(host, local), withoutDot, host);
  }
  assert.equal(matching("a:80", null), "a:80");
});
