import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStatName } from "../../lib/telemetry/stat_name.ts";

Deno.test("tags in Istio's encoding are taken out of the name, in their order", () => {
  const cases: readonly (readonly [string, string | null, [string, string][]])[] = [
    ["requests", "requests", []],
    ["my.filter-requests", "my_filter_requests", []],
    ["reporter=.=source;.;app=.=a.b;c;.;istio_requests_total", "istio_requests_total", [
      ["reporter", "source"],
      ["app", "a.b;c"],
    ]],
    ["count;.;last=.=;.;", "count___", [["last", ""]]],
    ["ns.reporter=.=x;.;total", "ns_total", [["reporter", "x"]]],
    // A label that is there twice, or that Prometheus uses itself, would make its page unreadable.
    ["a=.=1;.;a=.=2;.;n", "a___2___n", [["a", "1"]]],
    ["le=.=5;.;__name__=.=x;.;n", "le___5_____name_____x___n", []],
    ["cache=.=1;.;cache.x.n", "cache_x_n", [["cache", "1"]]],
    ["=.=x;.;n", "___x___n", []],
    ["1=.=x;.;n", null, []],
    // No tag without its end.
    ["a=.=b", "a___b", []],
    ["", null, []],
    ["9lives", null, []],
    ["a=.=b;.;", null, [["a", "b"]]],
    // Those of Istio's bootstrap that any name can have.
    ["x_rq_503", "x_rq", [["response_code", "503"]]],
    ["x_rq_5xx", "x_rq", [["response_code_class", "5xx"]]],
    ["cache.jwks.hits", "hits", [["cache", "jwks"]]],
    ["wasm_filter.pii.masked", "masked", [["wasm_filter", "pii"]]],
    ["component.proxy.tag.1.2;.build", "build", [["component", "proxy"], ["tag", "1.2"]]],
  ];
  for (const [stat, name, labels] of cases) assert.deepEqual(parseStatName(stat), { name, labels }, stat);
});

Deno.test("whatever the name, what comes out is a name of Prometheus or none", () => {
  fc.assert(fc.property(fc.string(), (stat) => {
    const { name } = parseStatName(stat);
    assert.ok(name === null || /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name));
  }));
  const labelled = fc.array(fc.constantFrom("a=.=", ";.;", "b", "tag.", ";.", "le=.=", "cache.", "_rq_200", "\n", '"'));
  fc.assert(fc.property(labelled, (parts) => {
    const names = parseStatName(parts.join("")).labels.map(([name]) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_]*$/);
  }));
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word.filter((key) => key !== "le"), word), {
        maxLength: 4,
        selector: ([key]) => key,
      }),
      word,
      (tags, name) => {
        const stat = `${tags.map(([key, value]) => `${key}=.=${value};.;`).join("")}${name}`;
        assert.deepEqual(parseStatName(stat), { name, labels: tags });
      },
    ),
  );
});

Deno.test("names made to be slow are not", () => {
  for (const part of ["a", "a=.=", "tag.", "cache.", "=.=;.;", "_rq_200"]) {
    const started = performance.now();
    for (let i = 0; i < 20; i++) parseStatName(part.repeat(20_000));
    assert.ok(performance.now() - started < 5_000, part);
  }
});
