import assert from "node:assert/strict";
import fc from "fast-check";
import type { RouteMatch } from "../../lib/resource/route.ts";
import { literalChecks } from "../../lib/router/literal_check.ts";
import { routeMatch } from "../support/resource_objects.ts";

function match(kind: "prefix" | "path", value: string, caseSensitive = true): RouteMatch {
  return routeMatch({ path: { kind, value }, caseSensitive });
}

Deno.test("The rarest character of each path is looked at first", () => {
  const matches = [match("prefix", "/api/one/"), match("prefix", "/api/two/"), match("path", "/api/one/x")];
  const characters = literalChecks(matches).map(({ code }) => String.fromCharCode(code));
  assert.deepEqual(characters, ["e", "o", "x"]);
});

Deno.test("No condition where nothing literal is known", () => {
  const none = { at: -1, code: 0 };
  const regex = routeMatch({ path: { kind: "regex", value: "/a.*" } });
  assert.deepEqual(literalChecks([match("prefix", ""), match("prefix", "/a", false), regex]), [none, none, none]);
});

Deno.test("A path that a route applies to passes its check", () => {
  const paths = fc.array(fc.stringMatching(/^\/[ab/]{0,6}$/), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(paths, fc.stringMatching(/^[ab/]{0,4}$/), (values, rest) => {
    const checks = literalChecks(values.map((value) => match("prefix", value)));
    values.forEach((value, index) => {
      const { at, code } = checks[index]!;
      assert.equal((value + rest).charCodeAt(at), code);
    });
  }));
});
