import assert from "node:assert/strict";
import { compilePathTemplate } from "../../lib/matcher/path_template.ts";

Deno.test("a template matches as Envoy 1.40 was seen to", () => {
  const table: [template: string, matching: string[], others: string[]][] = [
    ["/a/*/c", ["/a/b/c"], ["/a//c", "/a/b/d/c", "/a/b/c/"]],
    ["/a/**", ["/a/", "/a/b/c"], ["/a", "/ab"]],
    ["/**/a", ["/x/a", "/x/y/a"], ["/a/b"]],
    ["/{lang}/x/{rest=**}", ["/en/x/", "/en/x/a/b"], ["/en/y/a"]],
    ["/{a=b/*}", ["/b/c"], ["/b", "/c/b"]],
    ["/x{a}.css", ["/xy.css"], ["/x.css", "/xyzcss"]],
    ["/*.css", ["/x.css"], ["/.css", "/x/y.css"]],
    ["/", ["/"], ["/a"]],
    ["/a/", ["/a/"], ["/a"]],
    ["/a.b", ["/a.b"], ["/axb"]],
    ["/a*", ["/", "/aa"], ["/a*", "/ab"]],
  ];
  for (const [template, matching, others] of table) {
    const { matches } = compilePathTemplate(template);
    for (const path of matching) assert.equal(matches(path), true, `${template} ${path}`);
    for (const path of others) assert.equal(matches(path), false, `${template} ${path}`);
  }
});

Deno.test("what Envoy refuses is refused", () => {
  const bad = [
    "a",
    "/a/{b}{b}",
    "/{a}-{b}",
    "/{1a}",
    "/{aaaaaaaaaaaaaaaaa}",
    "/{a=}",
    "/a?b",
    "/a//b",
    "/{a",
    "/a}",
    "/é",
  ];
  for (const template of [...bad, "/{a}/{b}/{c}/{d}/{e}/{f}", "/{a}/{a}"]) {
    assert.throws(() => compilePathTemplate(template), SyntaxError, template);
  }
});

Deno.test("a rewrite puts the variables in their places, and knows no others", () => {
  const template = compilePathTemplate("/user/{name}/{rest=**}");
  const rewrite = template.compileRewrite("/{rest}/of/{name}");
  assert.equal(rewrite("/user/me/a/b"), "/a/b/of/me");
  assert.equal(rewrite("/other"), null);
  for (const bad of ["/{other}", "x", "/a?b", "/{name"]) {
    assert.throws(() => template.compileRewrite(bad), /Cannot rewrite to/, bad);
  }
});
