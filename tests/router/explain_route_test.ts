import assert from "node:assert/strict";
import fc from "fast-check";
import type { HeaderMatch, RouteMatch } from "../../lib/resource/route.ts";
import { explainRoute } from "../../lib/router/explain_route.ts";
import { compileRoutes } from "../../lib/router/route_table.ts";
import { request } from "../support/calls.ts";
import { forwardAction, route, routeConfiguration, routeMatch, virtualHost } from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";

const text = fc.constantFrom("", "a", "b", "A", "ab", "jason");
const string = fc.record({
  kind: fc.constantFrom("exact" as const, "prefix" as const, "suffix" as const, "contains" as const, "regex" as const),
  value: fc.constantFrom("", "a", "b", "ab", ".*", "a.+"),
  ignoreCase: fc.boolean(),
});
const present = fc.record({ kind: fc.constant("present" as const), present: fc.boolean() });
const header: fc.Arbitrary<HeaderMatch> = fc.record({
  name: fc.constantFrom("x-a", "x-b", ":method", ":authority", ":path"),
  match: fc.oneof(
    string.map((string) => ({ kind: "string" as const, string })),
    fc.record({ kind: fc.constant("range" as const), start: fc.nat(3), end: fc.nat(9) }),
    fc.record({ kind: fc.constant("present" as const), present: fc.boolean() }),
  ),
  invert: fc.boolean(),
  treatMissingAsEmpty: fc.boolean(),
});
const path = fc.oneof(
  fc.record({
    kind: fc.constantFrom("prefix" as const, "path" as const, "path_separated_prefix" as const),
    value: fc.constantFrom("/", "/a", "/a/b", "/A"),
  }),
  fc.record({ kind: fc.constant("regex" as const), value: fc.constantFrom("/a.*", "/[ab]") }),
  fc.constant({ kind: "connect" as const }),
);
const match: fc.Arbitrary<RouteMatch> = fc.record({
  path,
  caseSensitive: fc.boolean(),
  headers: fc.array(header, { maxLength: 2 }),
  queryParameters: fc.array(
    fc.record({ name: fc.constantFrom("q", "r"), match: fc.oneof(string, present) }),
    { maxLength: 1 },
  ),
  runtimeFraction: fc.option(fc.record({ numerator: fc.nat(100), denominator: fc.constant(100 as const) }), {
    nil: null,
    freq: 2,
  }),
  grpc: fc.boolean(),
  dynamicMetadata: fc.array(
    fc.record({
      filter: fc.constantFrom("f", "g"),
      path: fc.constant(["k"]),
      value: fc.oneof(string, fc.record({ kind: fc.constant("present" as const), present: fc.boolean() })),
      invert: fc.boolean(),
    }),
    { maxLength: 1 },
  ),
});
const domain = fc.constantFrom("a", "a:80", "b", "*.a", "*a", "a*", "a.*", "*", "x.a", "x.a:80");
const configuration = fc.record({
  virtualHosts: fc.array(
    fc.record({
      domains: fc.uniqueArray(domain, { minLength: 1, maxLength: 3 }),
      routes: fc.array(match.map((match) => route({ match })), { maxLength: 5 }),
      requireTls: fc.constantFrom("none" as const, "none" as const, "all" as const),
    }),
    { maxLength: 4 },
  ),
  ignorePortInHostMatching: fc.boolean(),
});
const asked = fc.record({
  method: fc.constantFrom("GET", "CONNECT", "ab"),
  authority: fc.constantFrom("a", "A:80", "x.a", "x.a:80", "b", "c"),
  path: fc.constantFrom("/", "/a", "/a/b", "/a?q=a", "/b?r", "/A"),
  headers: fc.record({ "x-a": text, "x-b": fc.constantFrom("1", "5", "ab") }, { requiredKeys: [] }),
  grpc: fc.boolean(),
});

Deno.test("the explanation and the matcher always choose the same route", () => {
  fc.assert(
    fc.property(configuration, asked, fc.integer(), (generated, { headers, grpc, ...rest }, seed) => {
      const virtualHosts = generated.virtualHosts.map((host, index) =>
        virtualHost({
          ...host,
          name: `host ${index}`,
          routes: host.routes.map((each, place) =>
            route({
              ...each,
              name: `${index}/${place}`,
              action: forwardAction({ cluster: { kind: "name", name: `${index}/${place}` } }),
            })
          ),
        })
      );
      const configuration = routeConfiguration({ ...generated, virtualHosts });
      const pairs = Object.entries(headers).flat();
      if (grpc) pairs.push("content-type", "application/grpc");
      const of = request({ ...rest, pairs });
      const metadata = new Map([["f", { k: "ab" }]]);
      const chosen = compileRoutes(configuration).choose(of, seededRandom(seed), metadata);
      const explained = explainRoute(configuration, of, seededRandom(seed), metadata);

      // The redirect to TLS is made by each table for itself.
      assert.deepEqual(explained.choice?.route, chosen?.route);
      const taken = explained.routes.at(-1)?.reason === null ? explained.routes.at(-1)!.route : null;
      if (explained.redirectedToTls) assert.equal(taken, null);
      else assert.equal(taken, chosen?.route ?? null);
      for (const { reason } of explained.routes.slice(0, -1)) assert.notEqual(reason, null);
      assert.equal(explained.virtualHost?.name, explained.domains[0]?.virtualHost);
      if (chosen !== null) assert.equal(explained.virtualHost, chosen.virtualHost);
    }),
    { numRuns: 3000 },
  );
});

const named = (name: string, string: Partial<{ kind: "exact" | "prefix"; value: string }>, invert = false) => ({
  name,
  match: { kind: "string" as const, string: { kind: "exact" as const, value: "jason", ignoreCase: false, ...string } },
  invert,
  treatMissingAsEmpty: false,
});

/** A match, what a request differs in, and why the match does not hold. */
const REASONS: readonly [Partial<RouteMatch>, Parameters<typeof request>[0], string][] = [
  [{ path: { kind: "prefix", value: "/v2" } }, { path: "/v1/x?y" }, "path prefix '/v2' does not match '/v1/x'"],
  [{ path: { kind: "path", value: "/A" }, caseSensitive: false }, {}, "exact path '/A' in any case does not match '/'"],
  [{ path: { kind: "regex", value: "/[0-9]+" } }, { path: "/x" }, "path regex '/[0-9]+' does not match '/x'"],
  [
    { path: { kind: "path_separated_prefix", value: "/a" } },
    { path: "/ab" },
    "path prefix, by whole segments, '/a' does not match '/ab'",
  ],
  [{ path: { kind: "connect" } }, {}, "method is 'GET', wanted 'CONNECT'"],
  [{ headers: [named("end-user", {})] }, {}, "header 'end-user' is absent, wanted exact 'jason'"],
  [
    { headers: [named("end-user", {})] },
    { pairs: ["end-user", "bob"] },
    "header 'end-user' is 'bob', wanted exact 'jason'",
  ],
  [
    { headers: [named("end-user", {}, true)] },
    { pairs: ["end-user", "jason"] },
    "header 'end-user' is 'jason', wanted anything but exact 'jason'",
  ],
  [{ headers: [named(":method", { value: "POST" })] }, {}, "method is 'GET', wanted exact 'POST'"],
  [
    { headers: [named("x", {}), named(":authority", { kind: "prefix", value: "w" })] },
    { pairs: ["x", "jason"] },
    "host is 'reviews.default', wanted prefix 'w'",
  ],
  [
    { headers: [{ ...named("n", {}), match: { kind: "range", start: 1, end: 5 } }] },
    { pairs: ["n", "5"] },
    "header 'n' is '5', wanted a number from 1 to below 5",
  ],
  [
    { headers: [{ ...named("n", {}), match: { kind: "present", present: false } }] },
    { pairs: ["n", ""] },
    "header 'n' is present, wanted absent",
  ],
  [
    { queryParameters: [{ name: "q", match: { kind: "present", present: true } }] },
    { path: "/?p=1" },
    "query parameter 'q' is absent, wanted present",
  ],
  [
    { queryParameters: [{ name: "q", match: { kind: "exact", value: "1", ignoreCase: false } }] },
    { path: "/?q=2" },
    "query parameter 'q' is '2', wanted exact '1'",
  ],
  [{ grpc: true }, {}, "content-type is absent, wanted 'application/grpc'"],
  [
    { runtimeFraction: { numerator: 125, denominator: 10_000 } },
    {},
    "only 1.25% of requests are taken, and this one was not drawn",
  ],
  [
    { dynamicMetadata: [{ filter: "f", path: ["a", "b"], value: { kind: "present", present: true }, invert: false }] },
    {},
    "metadata 'f.a.b', which filters set, is not what is wanted",
  ],
];

Deno.test("each condition says what it found and what it wanted", () => {
  for (const [match, of, reason] of REASONS) {
    const configuration = routeConfiguration({
      virtualHosts: [virtualHost({ routes: [route({ match: routeMatch(match) }), route(), route()] })],
    });
    const { routes, notReached } = explainRoute(configuration, request(of), () => 0.99);
    assert.deepEqual(routes.map(({ reason }) => reason), [reason, null]);
    assert.equal(notReached, 1);
  }
});

Deno.test("domains: every one that matches, in the order in which they win", () => {
  const host = (name: string, ...domains: string[]) => virtualHost({ name, domains });
  const configuration = routeConfiguration({
    virtualHosts: [host("any", "*"), host("long", "*.shop.example"), host("short", "*.example"), host("p", "www.*")],
  });
  const { domains, virtualHost: won } = explainRoute(
    configuration,
    request({ authority: "www.shop.example" }),
    () => 0,
  );
  assert.deepEqual(domains.map(({ domain, kind }) => [domain, kind]), [
    ["*.shop.example", "suffix"],
    ["*.example", "suffix"],
    ["www.*", "prefix"],
    ["*", "any"],
  ]);
  assert.equal(won?.name, "long");
});
