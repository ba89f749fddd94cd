import assert from "node:assert/strict";
import { decode } from "../../../lib/protobuf/registry.ts";
import { Generated, networking, service } from "./generated.ts";

const A = "a.default.svc.cluster.local";
const B = "b.default.svc.cluster.local";

/** The first route of host `a` under one `http` entry. */
function routeOf(http: string, port = 80, ...others: string[]) {
  const made = new Generated([
    service("a", ["http:80", "http-alt:8080"]),
    service("b", ["http:81"]),
    networking("VirtualService", `{hosts: [a], http: [{${http}}]}`),
    ...others,
  ]);
  return made.routes(A, port)[0]!;
}

Deno.test("a destination without a port takes the listener's", () => {
  assert.equal(routeOf("route: [{destination: {host: a}}]").route!.cluster, `outbound|80||${A}`);
  assert.equal(routeOf("route: [{destination: {host: a, subset: v1}}]", 8080).route!.cluster, `outbound|8080|v1|${A}`);
  // That there is no such port is no matter to istiod.
  assert.equal(routeOf("route: [{destination: {host: b}}]").route!.cluster, `outbound|80||${B}`);
  assert.equal(routeOf("route: [{destination: {host: b, port: {number: 81}}}]").route!.cluster, `outbound|81||${B}`);
});

Deno.test("weights: those of 0 are left out, header changes are each one's own", () => {
  const { route, decorator } = routeOf(
    "route: [{destination: {host: a}, weight: 1, headers: {request: {set: {host: c.test, x: '1'}}}}, {destination: {host: b}, weight: 3}, {destination: {host: b, subset: z}}]",
  );
  assert.deepEqual(route!.weightedClusters!.clusters, [
    {
      name: `outbound|80||${A}`,
      weight: { value: 1 },
      requestHeadersToAdd: [{ header: { key: "x", value: "1" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" }],
      hostRewriteLiteral: "c.test",
    },
    { name: `outbound|80||${B}`, weight: { value: 3 } },
  ]);
  assert.equal(decorator!.operation, "x:80/*");
});

Deno.test("the authority: a rewrite before a set header, the route's before the destination's", () => {
  const host = (http: string) => routeOf(http).route!.hostRewriteLiteral;
  const to = "route: [{destination: {host: a}, headers: {request: {set: {host: dest.test}}}}]";
  assert.equal(host(to), "dest.test");
  assert.equal(host(`headers: {request: {add: {':authority': added.test}}}, ${to}`), "added.test");
  assert.equal(host(`headers: {request: {add: {host: added.test}, set: {Host: set.test}}}, ${to}`), "set.test");
  assert.equal(host(`rewrite: {authority: re.test}, headers: {request: {set: {host: set.test}}}, ${to}`), "re.test");
});

Deno.test("paths: a regular expression before a prefix", () => {
  const to = "route: [{destination: {host: a}}]";
  assert.equal(routeOf(`rewrite: {uri: /n}, ${to}`).route!.prefixRewrite, "/n");
  const both = routeOf(`rewrite: {uri: /n, uriRegexRewrite: {match: "^/(.)", rewrite: '/\\1'}}, ${to}`).route!;
  assert.equal(both.prefixRewrite, undefined);
  assert.deepEqual(both.regexRewrite, { pattern: { regex: "^/(.)" }, substitution: "/\\1" });
});

Deno.test("mirrors: all of the requests, a share, or none", () => {
  const { requestMirrorPolicies } = routeOf(
    "mirrors: [{destination: {host: b, port: {number: 81}}}, {destination: {host: a}, percentage: {value: 0.5}}, {destination: {host: a}, percentage: {value: 0}}], route: [{destination: {host: a}}]",
  ).route!;
  assert.deepEqual(
    requestMirrorPolicies!.map(({ cluster, runtimeFraction, disableShadowHostSuffixAppend }) => [
      cluster,
      runtimeFraction!.defaultValue,
      disableShadowHostSuffixAppend,
    ]),
    [
      [`outbound|81||${B}`, { numerator: 100 }, true],
      [`outbound|80||${A}`, { numerator: 5000, denominator: "MILLION" }, true],
    ],
  );
});

Deno.test("a time limit holds for gRPC too; without one there is none", () => {
  const to = "route: [{destination: {host: a}}]";
  const { timeout, maxGrpcTimeout } = routeOf(`timeout: 3s, ${to}`).route!;
  assert.deepEqual([timeout, maxGrpcTimeout], [{ seconds: 3 }, { seconds: 3 }]);
  assert.deepEqual(routeOf(to).route!.timeout, {});
});

Deno.test("hashes: of the subset, of the port that is named, of the host; also without a VirtualService", () => {
  const rule = networking(
    "DestinationRule",
    `{host: b, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-host}}, portLevelSettings: [{port: {number: 81}, loadBalancer: {consistentHash: {httpQueryParameterName: q}}}]},
      subsets: [{name: s, labels: {a: b}, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}]}`,
  );
  const hash = (http: string) => routeOf(http, 80, rule).route!.hashPolicy;
  assert.deepEqual(hash("route: [{destination: {host: b}}]"), [{ header: { headerName: "x-host" } }]);
  assert.deepEqual(hash("route: [{destination: {host: b, port: {number: 81}}}]"), [{ queryParameter: { name: "q" } }]);
  assert.deepEqual(hash("route: [{destination: {host: b, subset: s, port: {number: 81}}}]"), [
    { connectionProperties: { sourceIp: true } },
  ]);
  assert.equal(hash("route: [{destination: {host: a}}]"), undefined);
  const plain = new Generated([service("b", ["http:81"]), rule]).routes(B, 81)[0]!.route!;
  assert.deepEqual(plain.hashPolicy, [{ queryParameter: { name: "q" } }]);
  // There istiod leaves the retries as they are.
  assert.notEqual(plain.retryPolicy!.retryHostPredicate, undefined);
});

Deno.test("faults: nothing without a percentage, each kind of status", () => {
  const of = (fault: string) => {
    const { typedPerFilterConfig } = routeOf(`fault: ${fault}, route: [{destination: {host: a}}]`);
    const any = typedPerFilterConfig!["envoy.filters.http.fault"]!;
    return decode("envoy.extensions.filters.http.fault.v3.HTTPFault", any.value!);
  };
  assert.deepEqual(of("{delay: {fixedDelay: 1s}, abort: {httpStatus: 418}}"), {
    delay: { fixedDelay: { seconds: 1 }, percentage: {} },
    abort: { httpStatus: 418 },
  });
  assert.deepEqual(of("{delay: {fixedDelay: 1s, percent: 7}}").delay!.percentage, { numerator: 7 });
  assert.deepEqual(of("{abort: {grpcStatus: NOT_FOUND, percentage: {value: 0.29}}}").abort, {
    grpcStatus: 5,
    percentage: { numerator: 2900, denominator: "MILLION" },
  });
});

Deno.test("CORS: lists joined, origins of every kind, preflights of others", () => {
  const of = (policy: string) => {
    const { typedPerFilterConfig } = routeOf(`corsPolicy: ${policy}, route: [{destination: {host: a}}]`);
    return decode(
      "envoy.extensions.filters.http.cors.v3.CorsPolicy",
      typedPerFilterConfig!["envoy.filters.http.cors"]!.value!,
    );
  };
  assert.deepEqual(
    of("{allowOrigins: [{exact: a}, {regex: b}], allowMethods: [GET, PUT], maxAge: 90s, unmatchedPreflights: IGNORE}"),
    {
      allowOriginStringMatch: [{ exact: "a" }, { safeRegex: { regex: "b" } }],
      allowMethods: "GET,PUT",
      maxAge: "90",
      filterEnabled: { defaultValue: { numerator: 100 } },
      forwardNotMatchingPreflights: {},
    },
  );
  assert.deepEqual(of("{allowOrigin: [a], allowCredentials: true}"), {
    allowOriginStringMatch: [{ exact: "a" }],
    allowCredentials: { value: true },
    filterEnabled: { defaultValue: { numerator: 100 } },
    forwardNotMatchingPreflights: { value: true },
  });
});

Deno.test("redirects: what is implied by the scheme is not said", () => {
  const redirect = (fields: string, port = 80) => routeOf(`redirect: {${fields}}`, port).redirect;
  assert.deepEqual(redirect("uri: /to, authority: a.test, redirectCode: 307"), {
    hostRedirect: "a.test",
    pathRedirect: "/to",
    responseCode: "TEMPORARY_REDIRECT",
  });
  assert.deepEqual(redirect("prefixRewrite: /to, port: 443, scheme: https"), {
    prefixRewrite: "/to",
    schemeRedirect: "https",
  });
  assert.deepEqual(redirect("port: 443"), { pathRedirect: "", portRedirect: 443 });
  assert.deepEqual(redirect("derivePort: FROM_REQUEST_PORT", 8080), { pathRedirect: "", portRedirect: 8080 });
  assert.deepEqual(redirect("derivePort: FROM_REQUEST_PORT"), { pathRedirect: "" });
  assert.deepEqual(redirect("scheme: https, derivePort: FROM_PROTOCOL_DEFAULT", 8080), {
    pathRedirect: "",
    schemeRedirect: "https",
  });
});

Deno.test("header changes: what is set before what is added, by name; the host is nobody's to change there", () => {
  const { requestHeadersToAdd, requestHeadersToRemove, responseHeadersToRemove } = routeOf(
    "headers: {request: {add: {b: '2', a: '1'}, set: {d: '4', host: x, c: '3'}, remove: [e, ':path']}}, route: [{destination: {host: a}, headers: {request: {set: {f: '5'}}, response: {remove: [g]}}}]",
  );
  assert.deepEqual(requestHeadersToAdd!.map(({ header }) => header!.key), ["c", "d", "a", "b", "f"]);
  assert.deepEqual(requestHeadersToRemove, ["e"]);
  assert.deepEqual(responseHeadersToRemove, ["g"]);
});
