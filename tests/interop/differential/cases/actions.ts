import type { DifferentialCase } from "../case.ts";
import { header, to, typed } from "../routes.ts";

const CHOICE: readonly DifferentialCase[] = [
  {
    name: "actions: a cluster",
    routes: [to("a")],
    requests: [{}, { method: "POST", body: "content" }, { method: "HEAD" }],
  },
  {
    name: "actions: a cluster that does not exist",
    routes: [to("nowhere")],
    routeConfig: { validate_clusters: false },
    requests: [{}, { method: "POST", body: "x", headers: [["content-type", "application/grpc"]] }],
  },
  ...["SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"].map((code) => ({
    name: `actions: a cluster that does not exist answers ${code}`,
    routes: [to("nowhere", { prefix: "/" }, { cluster_not_found_response_code: code })],
    routeConfig: { validate_clusters: false },
    requests: [{}],
  })),
  { name: "actions: a cluster without endpoints", routes: [to("empty")], requests: [{}] },
  { name: "actions: a cluster where nobody listens", routes: [to("dead")], requests: [{}] },
  {
    name: "actions: a cluster named by a header",
    routes: [{ match: { prefix: "/" }, route: { cluster_header: "X-Cluster" } }],
    requests: [
      { headers: [["x-cluster", "b"]] },
      { headers: [["x-cluster", "nowhere"]] },
      { headers: [["x-cluster", ""]] },
      {},
      { headers: [["x-cluster", "a"], ["x-cluster", "b"]] },
    ],
  },
  {
    name: "actions: weighted clusters",
    routes: [{
      match: { prefix: "/" },
      route: {
        weighted_clusters: {
          clusters: [
            {
              name: "a",
              weight: 1,
              request_headers_to_add: [header("x-to", "a")],
              response_headers_to_add: [header("x-from", "a")],
            },
            {
              name: "b",
              weight: 3,
              request_headers_to_remove: ["x-drop"],
              response_headers_to_remove: ["x-backend"],
              host_rewrite_literal: "b.example",
            },
            { name: "c", weight: 0 },
          ],
        },
      },
    }],
    requests: [{ headers: [["x-drop", "1"]], times: 300, compare: "proportions" }],
  },
  {
    name: "actions: one weight takes all",
    routes: [{
      match: { prefix: "/" },
      route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }, { name: "b", weight: 7 }] } },
    }],
    requests: [{ times: 20 }],
  },
  {
    name: "actions: weights that are all 0 are refused",
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } } }],
    requests: [{}],
    refused: true,
  },
  {
    name: "actions: a weighted cluster named by a header",
    routes: [{
      match: { prefix: "/" },
      route: { weighted_clusters: { clusters: [{ cluster_header: "x-cluster", weight: 1 }] } },
    }],
    requests: [{ headers: [["x-cluster", "b"]] }, {}, { headers: [["x-cluster", "nowhere"]] }],
  },
  {
    name: "actions: headers of a weighted cluster come before those of the route",
    routes: [{
      match: { prefix: "/" },
      route: {
        weighted_clusters: {
          clusters: [{
            name: "a",
            weight: 1,
            request_headers_to_add: [header("x-level", "cluster")],
            response_headers_to_add: [header("x-level", "cluster")],
          }],
        },
      },
      request_headers_to_add: [header("x-level", "route")],
      response_headers_to_add: [header("x-level", "route")],
    }],
    requests: [{}],
  },
];

const GRPC = [["content-type", "application/grpc"], ["te", "trailers"]] as const;

const REST: readonly DifferentialCase[] = [
  {
    name: "actions: a backend that speaks HTTP/2",
    routes: [
      to("h2", { prefix: "/new" }, { prefix_rewrite: "/x", host_rewrite_literal: "new.example" }),
      to("h2"),
    ],
    requests: [
      {},
      { method: "POST", path: "/new?q", body: "content", headers: [["x-a", "1"], ["x-a", "2"]] },
      { headers: [["x-forwarded-proto", "https"]] },
      { method: "HEAD" },
      { script: ["404 x-b=1 x-b=2"] },
      { script: ["204"] },
      { script: ["reset"] },
      { method: "POST", body: "x", headers: GRPC },
      { method: "POST", body: "x", headers: GRPC, script: ["200 trailer:grpc-status=5"] },
      { method: "POST", body: "x", headers: GRPC, script: ["200 empty grpc-status=14 grpc-message=no"] },
      { method: "POST", body: "x", headers: GRPC, script: ["503"] },
      { method: "POST", body: "x", headers: GRPC, script: ["reset"] },
    ],
  },
  {
    name: "actions: a mirror that speaks HTTP/2",
    routes: [to("a", { prefix: "/" }, { request_mirror_policies: [{ cluster: "h2" }] })],
    requests: [{}, { method: "POST", body: "x", headers: GRPC }],
  },
  {
    name: "actions: attempt counts",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
      routes: [to("a")],
    }],
    requests: [{}, { headers: [["x-envoy-attempt-count", "7"]] }, { script: ["200 x-envoy-attempt-count=9"] }],
  },
  {
    name: "actions: what backends answer",
    routes: [to("a")],
    requests: [
      { script: ["404"] },
      { script: ["500 x-a=1 x-a=2"] },
      { script: ["204"] },
      { script: ["304"] },
      { script: ["301 location=/x"] },
      { script: ["200 empty"] },
      { script: ["200 set-cookie=a=b set-cookie=c=d"] },
      { script: ["reset"] },
      { script: ["cut"] },
      { script: ["200 x-envoy-upstream-service-time=5 server=mine date=now"] },
      { script: ["200 x-envoy-degraded=1 x-envoy-immediate-health-check-fail=1"] },
    ],
  },
  {
    name: "actions: an upgrade that is not allowed",
    routes: [to("a")],
    requests: [{ headers: [["connection", "upgrade"], ["upgrade", "websocket"]] }],
  },
  {
    name: "actions: per-filter configuration of a filter that is not in the chain",
    routes: [{
      ...to("a"),
      typed_per_filter_config: {
        "envoy.filters.http.cors": typed("", "envoy.extensions.filters.http.cors.v3.CorsPolicy").typed_config!,
      },
    }],
    requests: [{}],
  },
];

/** Which cluster a request goes to, and what comes back. */
export const ACTION_CASES: readonly DifferentialCase[] = [...CHOICE, ...REST];
