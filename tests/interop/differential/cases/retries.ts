import { cluster, type DifferentialCase, type JsonObject } from "../case.ts";
import { header, to, typed } from "../routes.ts";

/** A route to one backend with a retry policy. */
function retrying(policy: JsonObject, more: JsonObject = {}, backends = "a"): readonly JsonObject[] {
  return [to(backends, { prefix: "/" }, { retry_policy: { retry_back_off: FAST, ...policy }, ...more })];
}

/** So that a run does not take long. */
const FAST = { base_interval: "0.001s", max_interval: "0.002s" };
const GRPC = [["content-type", "application/grpc"]] as const;

/** What an upstream does, by name: every condition meets all of them. */
const OUTCOMES: readonly (readonly [string, string])[] = [
  ["500", "500"],
  ["502", "502"],
  ["503", "503"],
  ["504", "504"],
  ["505", "505"],
  ["404", "404"],
  ["408", "408"],
  ["409", "409"],
  ["425", "425"],
  ["429", "429"],
  ["rate limited", "429 x-envoy-ratelimited=true"],
  ["rate limited 503", "503 x-envoy-ratelimited=true"],
  ["overloaded", "503 x-envoy-overloaded=true"],
  ["header", "200 x-again=1"],
  ["reset", "reset"],
  ["cut", "cut"],
];

const CONDITIONS: readonly (readonly [string, JsonObject])[] = [
  ["5xx", {}],
  ["gateway-error", {}],
  ["reset", {}],
  ["reset-before-request", {}],
  ["connect-failure", {}],
  ["envoy-ratelimited", {}],
  ["retriable-4xx", {}],
  ["refused-stream", {}],
  ["http3-post-connect-failure", {}],
  ["retriable-status-codes", { retriable_status_codes: [404, 503] }],
  ["retriable-status-codes", { retriable_status_codes: [425] }],
  ["retriable-headers", { retriable_headers: [{ name: "x-again", present_match: true }] }],
  ["retriable-headers", { retriable_headers: [{ name: ":status", string_match: { exact: "404" } }] }],
  ["5xx,retriable-4xx", {}],
  [" 5xx , reset ", {}],
  ["nonsense", {}],
  ["", {}],
  // Istio's defaults.
  ["connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes", { retriable_status_codes: [503] }],
];

const BY_CONDITION: readonly DifferentialCase[] = CONDITIONS.map(([retry_on, more], index) => ({
  name: `retries: retry_on '${retry_on}' (${index})`,
  routes: retrying({ retry_on, ...more }),
  requests: OUTCOMES.map(([, step]) => ({ script: [step, "200"] })),
}));

const GRPC_CONDITIONS: readonly DifferentialCase[] = [
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
].map((retry_on) => ({
  name: `retries: gRPC ${retry_on}`,
  routes: retrying({ retry_on }),
  requests: [0, 1, 2, 4, 8, 13, 14, 16].flatMap((status) => [
    { method: "POST", headers: GRPC, script: [`200 grpc-status=${status}`, "200 grpc-status=0"] },
    { script: [`200 grpc-status=${status}`, "200"] },
  ]),
}));

const NUMBERS: readonly DifferentialCase[] = [
  ...[0, 1, 3].map((num_retries) => ({
    name: `retries: num_retries ${num_retries}`,
    routes: retrying({ retry_on: "5xx", num_retries }),
    requests: [{ script: ["503"] }, { script: ["503", "500", "200"] }, { script: ["reset"] }],
  })),
  {
    name: "retries: one by default",
    routes: retrying({ retry_on: "5xx" }),
    requests: [{ script: ["503"] }],
  },
  {
    name: "retries: the virtual host's policy",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      retry_policy: { retry_on: "5xx", num_retries: 3, retry_back_off: FAST },
      routes: [
        to("a", { prefix: "/own" }, { retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: FAST } }),
        to("a", { prefix: "/none" }, { retry_policy: {} }),
        to("a"),
      ],
    }],
    requests: ["/own", "/none", "/"].map((path) => ({ path, script: ["503"] })),
  },
  {
    name: "retries: the count is told to both sides",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
      include_is_timeout_retry_header: true,
      routes: [
        to("a", { prefix: "/removed" }, { retry_policy: { retry_on: "5xx", retry_back_off: FAST } }),
        to("dead", { prefix: "/dead" }),
        to("a", { prefix: "/" }, {
          retry_policy: { retry_on: "5xx", num_retries: 2, per_try_timeout: "0.2s", retry_back_off: FAST },
        }),
      ].map((route, index) => index === 0 ? { ...route, request_headers_to_remove: ["x-envoy-attempt-count"] } : route),
    }],
    requests: [
      { script: ["503", "503", "200"] },
      { script: ["delay:600 200", "503", "200"] },
      { headers: [["x-envoy-attempt-count", "7"]] },
      { path: "/removed", script: ["503", "200"] },
      { path: "/dead" },
    ],
  },
  {
    name: "retries: a dead host and another one",
    clusters: [cluster("dead-and-alive", ["dead", "a"], { lb_policy: "ROUND_ROBIN" })],
    routes: retrying({ retry_on: "connect-failure", num_retries: 3 }, { timeout: "0s" }, "dead-and-alive"),
    requests: [{ times: 4, compare: "proportions" }],
  },
  {
    name: "retries: hosts tried before are avoided",
    clusters: [cluster("three", ["a", "b", "c"], { lb_policy: "ROUND_ROBIN" })],
    routes: retrying(
      {
        retry_on: "5xx",
        num_retries: 2,
        retry_host_predicate: [
          typed(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
          ),
        ],
        host_selection_retry_max_attempts: 10,
      },
      {},
      "three",
    ),
    requests: [{ script: ["503"], times: 3, compare: "stickiness" }],
  },
  {
    name: "retries: reset headers within their limit",
    routes: retrying({
      retry_on: "5xx",
      rate_limited_retry_back_off: {
        reset_headers: [{ name: "Retry-After" }, { name: "X-Reset", format: "UNIX_TIMESTAMP" }],
        max_interval: "2s",
      },
    }),
    requests: [
      { script: ["503 retry-after=1", "200"] },
      { script: ["503 retry-after=100", "200"] },
      { script: ["503 retry-after=soon", "200"] },
    ],
  },
  {
    name: "retries: only some requests",
    routes: retrying({
      retry_on: "5xx",
      retriable_request_headers: [
        { name: ":method", string_match: { exact: "GET" } },
        { name: "x-safe", present_match: true },
      ],
    }),
    requests: [
      { script: ["503", "200"] },
      { method: "POST", body: "x", script: ["503", "200"] },
      { method: "POST", body: "x", headers: [["x-safe", "1"]], script: ["503", "200"] },
    ],
  },
  {
    name: "retries: content is sent again, up to a limit",
    routes: [{
      ...retrying({ retry_on: "5xx" })[0]!,
      per_request_buffer_limit_bytes: 10,
    }],
    requests: ["12345", "1234567890", "12345678901"].map((body) => ({
      method: "POST",
      body,
      script: ["503", "200"],
    })),
  },
  {
    name: "retries: a virtual host's limit of content",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      per_request_buffer_limit_bytes: 4,
      routes: [
        { ...to("a", { prefix: "/own" }, { retry_policy: { retry_on: "5xx" } }), per_request_buffer_limit_bytes: 8 },
        to("a", { prefix: "/" }, { retry_policy: { retry_on: "5xx" } }),
      ],
    }],
    requests: ["/own", "/"].map((path) => ({ path, method: "PUT", body: "12345", script: ["503", "200"] })),
  },
  ...["HEAD", "DELETE", "OPTIONS", "PATCH"].map((method) => ({
    name: `retries: ${method}`,
    routes: retrying({ retry_on: "5xx" }),
    requests: [{ method, script: ["503", "200"] }, { method, body: "content", script: ["503", "200"] }].slice(
      0,
      method === "HEAD" ? 1 : 2,
    ),
  })),
  {
    name: "retries: header changes are made once",
    routes: retrying({ retry_on: "5xx", num_retries: 2 }).map((route) => ({
      ...route,
      request_headers_to_add: [header("x-added", "one"), header("x-path", "%REQ(:PATH)%")],
      response_headers_to_add: [header("x-answered", "yes")],
    })),
    requests: [{ script: ["503", "503", "200"] }],
  },
  {
    name: "retries: the rewritten path stays",
    routes: retrying({ retry_on: "5xx", num_retries: 2 }, { prefix_rewrite: "/new/", host_rewrite_literal: "other" }),
    requests: [{ path: "/old?q=1", script: ["503", "503", "200"] }],
  },
];

/** Headers that steer the router, as a caller sends them and as a route sets them. */
const STEERING: readonly (readonly [string, string])[] = [
  ["x-envoy-retry-on", "5xx"],
  ["x-envoy-retry-grpc-on", "unavailable"],
  ["x-envoy-max-retries", "3"],
  ["x-envoy-retriable-status-codes", "404,503"],
  ["x-envoy-retriable-header-names", "X-Again"],
  ["x-envoy-upstream-rq-timeout-ms", "5000"],
  ["x-envoy-upstream-rq-per-try-timeout-ms", "4000"],
  ["x-envoy-upstream-alt-stat-name", "other"],
  ["x-envoy-upstream-rq-timeout-alt-response", "1"],
  ["x-envoy-upstream-stream-duration-ms", "5000"],
  ["x-envoy-expected-rq-timeout-ms", "3000"],
];

const OVERRIDES: readonly DifferentialCase[] = [
  {
    name: "retries: a caller's headers steer nothing",
    routes: retrying({ retry_on: "gateway-error" }),
    requests: STEERING.map((pair) => ({ headers: [pair], script: ["500 x-again=1", "200"] })),
  },
  {
    name: "retries: a route's headers steer",
    routes: STEERING.map(([key, value], index) => ({
      ...to("a", { path: `/${index}` }, { retry_policy: { retry_on: "retriable-headers", retry_back_off: FAST } }),
      request_headers_to_add: [header(key, value, "OVERWRITE_IF_EXISTS_OR_ADD")],
    })),
    requests: STEERING.map((_, index) => ({ path: `/${index}`, script: ["503 x-again=1", "200"] })),
  },
  {
    name: "retries: a filter's headers steer",
    routes: retrying({ retry_on: "retriable-status-codes,retriable-headers" }),
    httpFilters: [
      typed("envoy.filters.http.header_mutation", "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
        mutations: {
          request_mutations: STEERING.slice(0, 8).map(([key, value]) => ({
            append: { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
          })),
        },
      }),
    ],
    requests: [
      { script: ["404"] },
      { script: ["500", "200"] },
      { script: ["200 x-again=1", "200"] },
      { method: "POST", headers: GRPC, script: ["200 grpc-status=14", "200 grpc-status=0"] },
    ],
  },
];

/** Retries: conditions, numbers, what is sent again. */
export const RETRY_CASES: readonly DifferentialCase[] = [
  ...BY_CONDITION,
  ...GRPC_CONDITIONS,
  ...NUMBERS,
  ...OVERRIDES,
];
