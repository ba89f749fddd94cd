import assert from "node:assert/strict";
import { mergeDelegate } from "../../lib/testing/delegates.ts";
import { Fields } from "../../lib/testing/fields.ts";
import { type HttpRoute, parseHttpRoute } from "../../lib/testing/kinds/http_route.ts";

const ROUTE = [{ destination: { host: "a" } }];
const read = (route: Record<string, unknown>): HttpRoute => parseHttpRoute(Fields.of(route, "a route"));
const root = (route: Record<string, unknown>) => read({ delegate: { name: "d" }, ...route });

/** Matches of what is left, `-` where nothing is. */
function merged(rootMatch: unknown[], ownMatch: unknown[]): string {
  const [route] = mergeDelegate(root({ match: rootMatch }), [read({ match: ownMatch, route: ROUTE })]);
  if (route === undefined) return "-";
  return route.matches.map(({ uri, headers, port, sourceLabels }) =>
    [
      uri && `${uri.kind} ${uri.value}`,
      ...Object.entries(headers).map(([name, match]) => `${name}=${match?.value ?? "*"}`),
      port,
      ...Object.values(sourceLabels),
    ].filter((part) => part !== undefined).join(" ")
  ).join(" | ");
}

Deno.test("a delegate's match must be narrower than one of the root's, and takes what it does not say", () => {
  const prefix = (value: string) => ({ uri: { prefix: value } });
  const exact = (value: string) => ({ uri: { exact: value } });
  const cases: [unknown[], unknown[], string][] = [
    [[], [], ""],
    [[prefix("/a")], [], "prefix /a"],
    [[], [exact("/a")], "exact /a"],
    [[prefix("/a")], [prefix("/a/b")], "prefix /a/b"],
    [[prefix("/a/b")], [prefix("/a")], "-"],
    [[prefix("/a")], [exact("/a/b")], "exact /a/b"],
    [[exact("/a")], [exact("/a")], "exact /a"],
    [[exact("/a")], [prefix("/a")], "-"],
    [[{ uri: { regex: "/a" } }], [{ uri: { regex: "/a" } }], "-"],
    [[{ uri: { regex: "/a" } }], [{ headers: { x: { exact: "1" } } }], "regex /a x=1"],
    // One match that fits nowhere loses the whole route.
    [[prefix("/a")], [prefix("/a/b"), prefix("/c")], "-"],
    [[prefix("/a"), prefix("/b")], [{ headers: { x: { exact: "1" } } }], "prefix /a x=1 | prefix /b x=1"],
    [[{ headers: { x: { prefix: "a" } } }], [{ headers: { x: { exact: "ab" }, y: {} } }], "x=ab y=*"],
    [[{ headers: { x: {} } }], [{ headers: { x: { exact: "ab" } } }], "-"],
    [[{ port: 80 }], [{ port: 81 }], "-"],
    [[{ port: 80 }], [exact("/a")], "exact /a 80"],
    [[{ sourceLabels: { app: "a" } }], [{ sourceLabels: { app: "b" } }], "-"],
    [[{ sourceLabels: { app: "a" } }], [{ sourceLabels: { version: "v1" } }], "a v1"],
    [[{ sourceNamespace: "a" }], [exact("/a")], "-"],
    [[{ gateways: ["mesh"] }], [{ gateways: ["mesh", "other"] }], "-"],
    [[{ ignoreUriCase: true }], [exact("/a")], "-"],
  ];
  for (const [rootMatch, ownMatch, expected] of cases) {
    assert.equal(merged(rootMatch, ownMatch), expected, JSON.stringify([rootMatch, ownMatch]));
  }
});

Deno.test("a delegate's routes inherit the root's settings where they have none", () => {
  const from = root({
    name: "root",
    match: [{ name: "m", uri: { prefix: "/a" } }],
    timeout: "1s",
    retries: { attempts: 1 },
    rewrite: { uri: "/r" },
    mirrors: [{ destination: { host: "m" } }],
    fault: { abort: { httpStatus: 500 } },
    corsPolicy: { allowMethods: ["GET"] },
    headers: { request: { set: { a: "root" } } },
  });
  const [plain, full] = mergeDelegate(from, [
    read({ route: ROUTE }),
    read({
      name: "own",
      match: [{ name: "n", uri: { prefix: "/a/b" } }],
      route: ROUTE,
      timeout: "2s",
      headers: { request: { set: { a: "own" } } },
    }),
  ]);
  assert.equal(plain!.name, "root");
  assert.equal(plain!.timeoutMs, 1000);
  assert.equal(plain!.retries!.attempts, 1);
  assert.equal(plain!.rewrite!.uri, "/r");
  assert.equal(plain!.mirrors[0]!.host, "m");
  assert.equal(plain!.fault!.abort!.status.code, 500);
  assert.deepEqual(plain!.corsPolicy!.allowMethods, ["GET"]);
  assert.equal(full!.name, "root-own");
  assert.equal(full!.matches[0]!.name, "m-n");
  assert.equal(full!.timeoutMs, 2000);
  assert.equal(full!.headers!.request.set.a, "own");
});
