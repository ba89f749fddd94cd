import assert from "node:assert/strict";
import fc from "fast-check";
import type { WeightedCluster } from "../../lib/resource/route.ts";
import { compileRoutes } from "../../lib/router/route_table.ts";
import { request } from "../support/calls.ts";
import {
  forwardAction,
  noHeaders,
  route,
  routeConfiguration,
  routeMatch,
  virtualHost,
} from "../support/resource_objects.ts";
import { seededRandom } from "../support/seeded_random.ts";

function weighted(name: string, weight: number, overrides: Partial<WeightedCluster> = {}): WeightedCluster {
  return {
    name,
    header: null,
    weight,
    headers: noHeaders,
    hostRewrite: null,
    perFilterConfig: new Map(),
    ...overrides,
  };
}

function to(name: string, path: string) {
  return route({
    name,
    match: routeMatch({ path: { kind: "prefix", value: path } }),
    action: forwardAction({ cluster: { kind: "name", name } }),
  });
}

Deno.test("The first route that matches wins", () => {
  const table = compileRoutes(routeConfiguration({
    virtualHosts: [virtualHost({ routes: [to("users", "/users"), to("all", "/"), to("never", "/users/x")] })],
  }));
  const chosen = (path: string) => table.choose(request({ path }), () => 0)?.clusterName;
  assert.deepEqual([chosen("/users/x"), chosen("/other")], ["users", "all"]);
});

Deno.test("No virtual host, or no route in it: no choice", () => {
  const table = compileRoutes(routeConfiguration({
    virtualHosts: [
      virtualHost({ domains: ["a"], routes: [to("x", "/x")] }),
      virtualHost({ domains: ["*"], routes: [] }),
    ],
  }));
  assert.equal(table.choose(request({ authority: "a", path: "/y" }), () => 0), null, "no falling through to '*'");
  assert.equal(table.choose(request({ authority: "b" }), () => 0), null);
});

Deno.test("Weights are exact: each value of the random source has its cluster", () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), (weights) => {
    const total = weights.reduce((a, b) => a + b, 0);
    fc.pre(total > 0);
    const clusters = weights.map((weight, i) => weighted(String(i), weight));
    const table = compileRoutes(routeConfiguration({
      virtualHosts: [virtualHost({
        routes: [
          route({
            action: forwardAction({ cluster: { kind: "weighted", clusters, totalWeight: total, drawHeader: null } }),
          }),
        ],
      })],
    }));
    const counts = weights.map(() => 0);
    for (let i = 0; i < total; i++) counts[Number(table.choose(request(), () => (i + 0.5) / total)!.clusterName)]!++;
    assert.deepEqual(counts, weights);
  }));
});

Deno.test("A number in a header chooses among weighted clusters, where it is one", () => {
  const clusters = [weighted("a", 3), weighted("b", 7)];
  const action = forwardAction({ cluster: { kind: "weighted", clusters, totalWeight: 10, drawHeader: "x-draw" } });
  const table = compileRoutes(routeConfiguration({ virtualHosts: [virtualHost({ routes: [route({ action })] })] }));
  const chosen = (draw: string) => table.choose(request({ pairs: ["x-draw", draw] }), () => 0.99)!.clusterName;
  assert.deepEqual(["0", "2", "3", "9", "12", "18446744073709551610"].map(chosen), ["a", "a", "b", "b", "a", "a"]);
  assert.deepEqual(["", "-1", "1.5", "one"].map(chosen), ["b", "b", "b", "b"], "the dice are rolled");
});

Deno.test("cluster_header names the cluster", () => {
  const action = forwardAction({ cluster: { kind: "header", header: "x-cluster" } });
  const table = compileRoutes(routeConfiguration({ virtualHosts: [virtualHost({ routes: [route({ action })] })] }));
  assert.equal(table.choose(request({ pairs: ["x-cluster", "c1"] }), () => 0)!.clusterName, "c1");
  assert.equal(table.choose(request(), () => 0)!.clusterName, "");
});

Deno.test("Filter configuration: the most specific level", () => {
  const level = (name: string) => new Map([["f", { name }], [`only-${name}`, { name }]]);
  const cluster = weighted("c", 1, { perFilterConfig: new Map([["f", { name: "cluster" }]]) });
  const table = compileRoutes(routeConfiguration({
    perFilterConfig: level("configuration"),
    virtualHosts: [virtualHost({
      perFilterConfig: level("host"),
      routes: [route({
        perFilterConfig: level("route"),
        action: forwardAction({ cluster: { kind: "weighted", clusters: [cluster], totalWeight: 1, drawHeader: null } }),
      })],
    })],
  }));
  const choice = table.choose(request(), () => 0)!;
  assert.deepEqual(choice.filterConfig("f"), { name: "cluster" });
  assert.deepEqual(choice.filterConfig("only-route"), { name: "route" });
  assert.deepEqual(choice.filterConfig("only-host"), { name: "host" });
  assert.deepEqual(choice.filterConfig("only-configuration"), { name: "configuration" });
  assert.equal(choice.filterConfig("none"), undefined);
});

Deno.test("A virtual host that requires TLS redirects plain requests", () => {
  const table = compileRoutes(routeConfiguration({ virtualHosts: [virtualHost({ requireTls: "all" })] }));
  const plain = request({ authority: "a:80", path: "/x?y" });
  const choice = table.choose(plain, () => 0)!;
  assert.equal(choice.plan.redirect!(plain), "https://a/x?y");
  const secure = table.choose(request({ scheme: "https" }), () => 0)!;
  assert.equal(secure.clusterName, "backend");
});

Deno.test("Ten thousand hosts: nothing is compiled that is not used, and each finds its own", () => {
  const virtualHosts = Array.from({ length: 10_000 }, (_, i) =>
    virtualHost({
      domains: [`svc-${i}.ns.svc.cluster.local`, `svc-${i}.ns`],
      // A pattern that cannot be compiled proves that only the chosen host is.
      routes: [i === 9999 ? to("last", "/") : route({ match: routeMatch({ path: { kind: "regex", value: "(" } }) })],
    }));
  const table = compileRoutes(routeConfiguration({ virtualHosts }));
  assert.equal(table.choose(request({ authority: "svc-9999.ns:80" }), seededRandom(1))!.clusterName, "last");
  assert.throws(() => table.choose(request({ authority: "svc-1.ns" }), seededRandom(1)), SyntaxError);
});
