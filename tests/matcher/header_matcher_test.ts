import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import {
  compileHeaderMatch,
  compileRequestHeaderMatch,
  type HeaderMatchInput,
} from "../../lib/matcher/header_matcher.ts";

const exactA: HeaderMatchInput["match"] = { kind: "string", string: { kind: "exact", value: "a", ignoreCase: false } };
const present: HeaderMatchInput["match"] = { kind: "present", present: true };
const absent: HeaderMatchInput["match"] = { kind: "present", present: false };
const range: HeaderMatchInput["match"] = { kind: "range", start: 1, end: 10 };

function holds(
  match: HeaderMatchInput["match"],
  value: string | null,
  { invert = false, empty = false }: { invert?: boolean; empty?: boolean } = {},
): boolean {
  const headers = new HeaderList(value === null ? [] : ["x", value]);
  return compileHeaderMatch({ name: "x", match, invert, treatMissingAsEmpty: empty })(headers);
}

Deno.test("matches as Envoy 1.40 was seen to", () => {
  assert.equal(holds(exactA, "a"), true);
  assert.equal(holds(exactA, null, { invert: true }), false, "a missing header fails an inverted comparison too");
  assert.equal(holds(exactA, "a", { invert: true }), false);
  assert.equal(holds(exactA, "b", { invert: true }), true);
  assert.equal(holds(exactA, null, { invert: true, empty: true }), true);
  assert.equal(holds(present, null), false);
  assert.equal(holds(present, ""), true);
  assert.equal(holds(present, null, { empty: true }), true);
  assert.equal(holds(absent, null), true);
  assert.equal(holds(absent, null, { empty: true }), false);
  assert.equal(holds(present, null, { invert: true }), true);
  assert.equal(holds(absent, null, { invert: true }), false);
  assert.equal(holds(absent, "1", { invert: true }), true);
  for (
    const [value, inside] of [["5", true], ["1", true], ["10", false], ["+5", true], ["5a", false], ["5.0", false]]
  ) {
    assert.equal(holds(range, value as string), inside, value as string);
  }
});

Deno.test("of several values one has to pass, inverted none may, as Envoy 1.40 was seen to", () => {
  const headers = new HeaderList(["x", "a", "y", "1", "x", "b"]);
  const holds = (value: string, invert = false) =>
    compileHeaderMatch({
      name: "x",
      match: { kind: "string", string: { kind: "exact", value, ignoreCase: false } },
      invert,
      treatMissingAsEmpty: false,
    })(headers);
  assert.equal(holds("a"), true);
  assert.equal(holds("b"), true);
  assert.equal(holds("a,b"), false, "they are not joined");
  assert.equal(holds("c"), false);
  assert.equal(holds("b", true), false);
  assert.equal(holds("c", true), true);
});

Deno.test("pseudo-headers are read from the request", () => {
  const request = {
    method: "GET",
    scheme: "http",
    authority: "reviews:9080",
    path: "/a?b",
    headers: new HeaderList([":method", "POST"]),
  };
  const table = [[":method", "GET"], [":scheme", "http"], [":authority", "reviews:9080"], ["host", "reviews:9080"], [
    ":path",
    "/a?b",
  ]];
  for (const [name, value] of table) {
    const match: HeaderMatchInput["match"] = {
      kind: "string",
      string: { kind: "exact", value: value!, ignoreCase: false },
    };
    const matcher = compileRequestHeaderMatch({ name: name!, match, invert: false, treatMissingAsEmpty: false });
    assert.equal(matcher(request), true, name!);
  }
});
