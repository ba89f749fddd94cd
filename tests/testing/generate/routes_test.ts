import assert from "node:assert/strict";
import { Generated, networking, service } from "./generated.ts";

const TO = (host: string, rest = "") => `http: [{${rest} route: [{destination: {host: ${host}}}]}]`;

/** Virtual hosts of a port, as `NAME -> clusters of its routes`. */
function hostsOf(port: string, ...documents: string[]): string[] {
  return (new Generated(documents).routeConfiguration(port).virtualHosts ?? []).map(({ name, routes }) =>
    `${name} -> ${routes!.map(({ route }) => route?.cluster ?? "answer").join(" ")}`
  );
}

const A = service("a", ["http:80"]);
const BB = service("bb", ["http:80", "http-alt:81"]);
const SHOP = service("ccc", ["http:80"], "shop");

Deno.test("the oldest VirtualService of a host wins", () => {
  const hosts = hostsOf(
    "80",
    A,
    networking("VirtualService", `{hosts: [a], ${TO("first.test")}}`, "z"),
    networking("VirtualService", `{hosts: [a], ${TO("second.test")}}`, "y"),
  );
  assert.equal(hosts[0], "a.default.svc.cluster.local:80 -> outbound|80||first.test");
});

Deno.test("a wildcard covers the services for which nothing more specific is said", () => {
  const wild = networking("VirtualService", `{hosts: ["*.shop.svc.cluster.local"], ${TO("wild.test")}}`, "a");
  const own = networking("VirtualService", `{hosts: [ccc], ${TO("own.test")}}`, "z", "shop");
  assert.ok(hostsOf("80", A, SHOP, wild).includes("ccc.shop.svc.cluster.local:80 -> outbound|80||wild.test"));
  assert.ok(hostsOf("80", A, SHOP, wild, own).includes("ccc.shop.svc.cluster.local:80 -> outbound|80||own.test"));
});

Deno.test("hosts that no service has are routed on port 80, and where another host of theirs is served", () => {
  const both = networking("VirtualService", `{hosts: [bb, Stray.Test], ${TO("to.test")}}`);
  const alone = networking("VirtualService", `{hosts: [alone.test], ${TO("to.test")}}`, "alone");
  assert.deepEqual(hostsOf("81", A, BB, both, alone), [
    "stray.test:81 -> outbound|81||to.test",
    "bb.default.svc.cluster.local:81 -> outbound|81||to.test",
    "allow_any -> PassthroughCluster",
  ]);
  assert.ok(hostsOf("80", A, BB, both, alone).includes("alone.test:80 -> outbound|80||to.test"));
});

Deno.test("a route that is for other callers or ports only leaves the service as it is", () => {
  const elsewhere = networking(
    "VirtualService",
    `{hosts: [a], ${TO("to.test", "match: [{sourceLabels: {app: x}}],")}}`,
  );
  assert.equal(
    hostsOf("80", A, elsewhere)[0],
    "a.default.svc.cluster.local:80 -> outbound|80||a.default.svc.cluster.local",
  );
  const gateway = networking("VirtualService", `{hosts: [a], ${TO("to.test", "match: [{gateways: [shop/edge]}],")}}`);
  assert.equal(
    hostsOf("80", A, gateway)[0],
    "a.default.svc.cluster.local:80 -> outbound|80||a.default.svc.cluster.local",
  );
});

Deno.test("nothing follows a catch-all", () => {
  const route = (match: string, host: string) => `{${match} route: [{destination: {host: ${host}}}]}`;
  const http = [
    route("match: [{uri: {prefix: /x}}, {uri: {prefix: /}}, {uri: {prefix: /y}}],", "b.test"),
    route("", "c.test"),
  ];
  const made = new Generated([A, networking("VirtualService", `{hosts: [a], http: [${http.join()}]}`)]);
  assert.equal(made.routes("a.default.svc.cluster.local", 80).length, 2);
});

Deno.test("routes are named by route and match", () => {
  const http =
    "[{name: r, match: [{name: m, uri: {exact: /x}}, {uri: {exact: /y}}], route: [{destination: {host: a}}]}]";
  const made = new Generated([A, networking("VirtualService", `{hosts: [a], http: ${http}}`)]);
  assert.deepEqual(made.routes("a.default.svc.cluster.local", 80).map(({ name }) => name), ["r.m", "r"]);
});

Deno.test("a detected port has its service's host alone, for whatever name", () => {
  const detected = service("dddd", ["x:90"]);
  const { virtualHosts } = new Generated([A, detected]).routeConfiguration("dddd.default.svc.cluster.local:90");
  assert.deepEqual(virtualHosts!.map(({ name, domains }) => [name, domains]), [
    ["dddd.default.svc.cluster.local:90", ["*"]],
  ]);
});
