import type { DifferentialCase, JsonObject } from "../case.ts";
import { header, to } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));
const mirror = (cluster: string, more: JsonObject = {}) => ({ request_mirror_policies: [{ cluster, ...more }] });
const fraction = (numerator: number, denominator = "HUNDRED") => ({
  runtime_fraction: { default_value: { numerator, denominator } },
});

/** Which requests are copied to other clusters, and how. */
export const MIRROR_CASES: readonly DifferentialCase[] = [
  {
    name: "actions: mirror",
    routes: [to("a", { prefix: "/" }, mirror("b"))],
    requests: [
      {},
      { method: "POST", path: "/x?y=z", body: "content", headers: [["x-a", "1"]] },
      { authority: "test.example:8080" },
      { authority: "[::1]:80" },
      { authority: "[::1]" },
      { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] },
    ],
  },
  {
    name: "actions: mirror of none",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(0)))],
    requests: [{ times: 10 }],
  },
  {
    name: "actions: mirror of all",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(100)))],
    requests: [{ times: 10 }],
  },
  {
    name: "actions: mirror of some",
    routes: [to("a", { prefix: "/" }, mirror("b", fraction(300_000, "MILLION")))],
    requests: [{ times: 200, compare: "proportions" }],
  },
  {
    name: "actions: mirror without the -shadow",
    routes: [to("a", { prefix: "/" }, mirror("b", { disable_shadow_host_suffix_append: true }))],
    requests: [{}],
  },
  {
    name: "actions: mirror to several",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster: "b" }, { cluster: "c" }] })],
    requests: [{}],
  },
  {
    name: "actions: mirror after rewrites",
    routes: [{
      ...to("a", { prefix: "/a" }, { ...mirror("b"), prefix_rewrite: "/x", host_rewrite_literal: "new.example:81" }),
      request_headers_to_add: [header("x-added", "%REQ(:path)%")],
    }],
    requests: [{ path: "/a/b" }],
  },
  {
    name: "actions: mirror of a virtual host and of a route",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      request_mirror_policies: [{ cluster: "c" }],
      routes: [to("a", { prefix: "/own" }, mirror("b")), to("a")],
    }],
    routeConfig: { request_mirror_policies: [{ cluster: "d" }] },
    requests: [{}, { path: "/own" }],
  },
  {
    name: "actions: mirror of the route configuration",
    routes: [to("a")],
    routeConfig: { request_mirror_policies: [{ cluster: "d" }] },
    requests: [{}],
  },
  {
    name: "actions: mirror to a cluster that does not exist or answer",
    routes: [
      to("a", { prefix: "/nowhere" }, mirror("nowhere")),
      to("a", { prefix: "/dead" }, mirror("dead")),
      to("a", { prefix: "/" }, mirror("empty")),
    ],
    routeConfig: { validate_clusters: false },
    requests: paths("/nowhere", "/dead", "/"),
  },
  {
    name: "actions: mirror named by a header",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster_header: "x-mirror" }] })],
    requests: [{ headers: [["x-mirror", "b"]] }, {}, { headers: [["x-mirror", "nowhere"]] }],
  },
];
