import type { CaseRequest, DifferentialCase, Json, JsonObject } from "../case.ts";
import { header, to, typed } from "../routes.ts";

const HTTP = "envoy.extensions.filters.http";
const FAULT = `${HTTP}.fault.v3.HTTPFault`;
const CORS = `${HTTP}.cors.v3.Cors`;
const CORS_POLICY = `${HTTP}.cors.v3.CorsPolicy`;
const LIMIT = `${HTTP}.local_ratelimit.v3.LocalRateLimit`;
const MUTATION = `${HTTP}.header_mutation.v3.HeaderMutation`;
const MUTATION_ROUTE = `${HTTP}.header_mutation.v3.HeaderMutationPerRoute`;
const GRPC = [["content-type", "application/grpc"]] as const;

/** Per-route configuration of a filter. */
function perRoute(name: string, type: string, config: JsonObject): JsonObject {
  return { typed_per_filter_config: { [name]: { "@type": `type.googleapis.com/${type}`, ...config } } };
}

const ALL = { numerator: 100 };
const NAME = "envoy.filters.http.fault";

/** A fault in the filter's own configuration. */
function fault(what: string, config: JsonObject, requests: readonly CaseRequest[]): DifferentialCase {
  return { name: `filters: fault ${what}`, httpFilters: [typed(NAME, FAULT, config)], routes: [to("a")], requests };
}

const FAULTS: readonly DifferentialCase[] = [
  fault("abort", { abort: { http_status: 429, percentage: ALL } }, [
    {},
    { method: "HEAD" },
    { method: "POST", body: "content" },
    { method: "POST", headers: GRPC },
  ]),
  fault("abort without a share", { abort: { http_status: 429 } }, [{}]),
  fault("abort of a share of nothing", { abort: { http_status: 429, percentage: { numerator: 0 } } }, [{}]),
  fault("abort with a gRPC status", { abort: { grpc_status: 8, percentage: ALL } }, [
    {},
    { method: "POST", headers: GRPC },
  ]),
  fault("delay", { delay: { fixed_delay: "0.05s", percentage: ALL } }, [{}, { method: "POST", body: "content" }]),
  fault("delay and abort", {
    delay: { fixed_delay: "0.05s", percentage: ALL },
    abort: { http_status: 503, percentage: ALL },
  }, [{}]),
  fault("by headers", {
    delay: { header_delay: {}, percentage: ALL },
    abort: { header_abort: {}, percentage: ALL },
  }, [
    {},
    { headers: [["x-envoy-fault-abort-request", "418"]] },
    { headers: [["x-envoy-fault-abort-request", "99"]] },
    { headers: [["x-envoy-fault-abort-request", "no"]] },
    { headers: [["x-envoy-fault-abort-grpc-request", "5"]] },
    { method: "POST", headers: [...GRPC, ["x-envoy-fault-abort-grpc-request", "5"]] },
    { headers: [["x-envoy-fault-abort-request", "418"], ["x-envoy-fault-abort-grpc-request", "5"]] },
    { headers: [["x-envoy-fault-abort-request", "418"], ["x-envoy-fault-abort-request-percentage", "0"]] },
    { headers: [["x-envoy-fault-abort-request", "418"], ["x-envoy-fault-abort-request-percentage", "100"]] },
    { headers: [["x-envoy-fault-delay-request", "20"]] },
    { headers: [["x-envoy-fault-delay-request", "20"], ["x-envoy-fault-delay-request-percentage", "0"]] },
  ]),
  fault("headers do not raise the share", { abort: { header_abort: {}, percentage: { numerator: 0 } } }, [
    { headers: [["x-envoy-fault-abort-request", "418"], ["x-envoy-fault-abort-request-percentage", "100"]] },
  ]),
  fault("only some requests", {
    abort: { http_status: 418, percentage: ALL },
    headers: [{ name: "x-hit", string_match: { exact: "1" } }, { name: ":path", string_match: { prefix: "/hit" } }],
  }, [
    {},
    { headers: [["x-hit", "1"]] },
    { path: "/hit", headers: [["x-hit", "1"]] },
  ]),
  fault("only some callers", {
    abort: { http_status: 418, percentage: ALL },
    downstream_nodes: ["one", "two"],
  }, [
    {},
    { headers: [["x-envoy-downstream-service-node", "two"]] },
    { headers: [["x-envoy-downstream-service-node", "three"]] },
  ]),
  fault("no more than none at a time", {
    abort: { http_status: 418, percentage: ALL },
    max_active_faults: 0,
  }, [{}]),
  {
    name: "filters: fault of some clusters",
    httpFilters: [
      typed(NAME, FAULT, { abort: { http_status: 418, percentage: ALL }, upstream_cluster: "b" }),
    ],
    routes: [to("a", { prefix: "/a" }), to("b")],
    requests: [{ path: "/a" }, {}],
  },
  {
    name: "filters: fault by route",
    httpFilters: [typed(NAME, FAULT)],
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...perRoute(NAME, FAULT, { abort: { http_status: 401, percentage: ALL } }),
      routes: [
        { ...to("a", { prefix: "/own" }), ...perRoute(NAME, FAULT, { abort: { http_status: 402, percentage: ALL } }) },
        { ...to("a", { prefix: "/empty" }), ...perRoute(NAME, FAULT, {}) },
        { ...to("a", { prefix: "/off" }), ...perRoute(NAME, "envoy.config.route.v3.FilterConfig", { disabled: true }) },
        to("a"),
      ],
    }],
    requests: ["/own", "/empty", "/off", "/"].map((path) => ({ path })),
  },
  {
    name: "filters: fault under a name of its own",
    httpFilters: [typed("my.fault", FAULT)],
    routes: [
      {
        ...to("a", { prefix: "/own" }),
        ...perRoute("my.fault", FAULT, { abort: { http_status: 402, percentage: ALL } }),
      },
      { ...to("a", { prefix: "/" }), ...perRoute(NAME, FAULT, { abort: { http_status: 403, percentage: ALL } }) },
    ],
    requests: [{ path: "/own" }, {}],
  },
];

/** A CORS policy on the one route. */
function cors(what: string, policy: JsonObject, requests: readonly CaseRequest[]): DifferentialCase {
  return {
    name: `filters: cors ${what}`,
    httpFilters: [typed("envoy.filters.http.cors", CORS)],
    routes: [{ ...to("a"), ...perRoute("envoy.filters.http.cors", CORS_POLICY, policy) }],
    requests,
  };
}

const ORIGIN = [["origin", "https://example.com"]] as const;
const OTHER = [["origin", "https://other.org"]] as const;
const preflight = (headers: CaseRequest["headers"]): CaseRequest => ({
  method: "OPTIONS",
  headers: [...headers!, ["access-control-request-method", "PUT"], ["access-control-request-headers", "x-a"]],
});
const ORIGINS = { allow_origin_string_match: [{ exact: "https://example.com" }] };

const ALL_CORS: readonly CaseRequest[] = [
  {},
  { headers: ORIGIN },
  { headers: OTHER },
  preflight(ORIGIN),
  preflight(OTHER),
  { method: "OPTIONS", headers: ORIGIN },
  { method: "OPTIONS" },
];

const CORS_CASES: readonly DifferentialCase[] = [
  cors("with everything", {
    ...ORIGINS,
    allow_methods: "GET,PUT",
    allow_headers: "x-a,x-b",
    expose_headers: "x-c",
    max_age: "60",
    allow_credentials: true,
    allow_private_network_access: true,
  }, [
    ...ALL_CORS,
    { ...preflight([...ORIGIN, ["access-control-request-private-network", "true"]]) },
  ]),
  cors("with origins only", ORIGINS, ALL_CORS),
  cors(
    "with any origin",
    { allow_origin_string_match: [{ exact: "*" }], allow_methods: "*", allow_headers: "*" },
    ALL_CORS,
  ),
  cors("by prefix, suffix and expression", {
    allow_origin_string_match: [{ prefix: "https://example." }, { suffix: ".net" }, {
      safe_regex: { regex: "https://[a-z]+\\.dev" },
    }],
  }, [
    ...ALL_CORS,
    { headers: [["origin", "https://a.net"]] },
    { headers: [["origin", "https://some.dev"]] },
    { headers: [["origin", "https://some.dev:1"]] },
  ]),
  cors("without preflights of others", { ...ORIGINS, forward_not_matching_preflights: false }, ALL_CORS),
  cors("switched off", { ...ORIGINS, filter_enabled: { default_value: { numerator: 0 } } }, ALL_CORS),
  {
    name: "filters: cors of the virtual host",
    httpFilters: [typed("envoy.filters.http.cors", CORS)],
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...perRoute("envoy.filters.http.cors", CORS_POLICY, { ...ORIGINS, allow_methods: "GET" }),
      routes: [to("a")],
    }],
    requests: ALL_CORS,
  },
  {
    name: "filters: cors over the application's own headers",
    httpFilters: [typed("envoy.filters.http.cors", CORS)],
    routes: [{
      ...to("a"),
      ...perRoute("envoy.filters.http.cors", CORS_POLICY, { ...ORIGINS, expose_headers: "x-e" }),
    }],
    requests: [{
      headers: ORIGIN,
      script: ["200 access-control-allow-origin=* access-control-expose-headers=x-own"],
    }],
  },
];

const RUNTIME_ALL = { runtime_key: "none", default_value: ALL };
const ENFORCED = { stat_prefix: "limits", filter_enabled: RUNTIME_ALL, filter_enforced: RUNTIME_ALL };
const bucket = (max_tokens: number, more: JsonObject = {}) => ({ max_tokens, fill_interval: "3600s", ...more });

/** A rate limit in the filter's own configuration. */
function limit(what: string, config: JsonObject, requests: readonly CaseRequest[]): DifferentialCase {
  return {
    name: `filters: local rate limit ${what}`,
    httpFilters: [typed("envoy.filters.http.local_ratelimit", LIMIT, config)],
    routes: [to("a")],
    requests,
  };
}

const LIMITS: readonly DifferentialCase[] = [
  limit("of two", { ...ENFORCED, token_bucket: bucket(2) }, [{ times: 3 }, { method: "HEAD" }, {
    method: "POST",
    headers: GRPC,
  }]),
  limit("with a status", { ...ENFORCED, token_bucket: bucket(1), status: { code: "ServiceUnavailable" } }, [{
    times: 2,
  }]),
  limit("with a status that is no refusal", { ...ENFORCED, token_bucket: bucket(1), status: { code: "OK" } }, [{
    times: 2,
  }]),
  limit("as resource exhausted", {
    ...ENFORCED,
    token_bucket: bucket(1),
    rate_limited_as_resource_exhausted: true,
  }, [{ times: 2 }, { method: "POST", headers: GRPC }]),
  limit("with headers", {
    ...ENFORCED,
    token_bucket: bucket(1),
    response_headers_to_add: [header("x-limited", "yes"), header("x-path", "%REQ(:PATH)%")],
    request_headers_to_add_when_not_enforced: [header("x-over", "yes")],
  }, [{ times: 2 }]),
  limit("that is not enforced", {
    ...ENFORCED,
    filter_enforced: { runtime_key: "none", default_value: { numerator: 0 } },
    token_bucket: bucket(1),
    response_headers_to_add: [header("x-limited", "yes")],
    request_headers_to_add_when_not_enforced: [header("x-over", "yes")],
  }, [{ times: 3 }]),
  limit("that is not enabled", { stat_prefix: "limits", token_bucket: bucket(1) }, [{ times: 3 }]),
  limit("told to the caller", {
    ...ENFORCED,
    token_bucket: bucket(2),
    enable_x_ratelimit_headers: "DRAFT_VERSION_03",
  }, [{ times: 3 }]),
  limit("without a bucket", ENFORCED, [{ times: 3 }]),
  {
    name: "filters: local rate limit that is filled too often",
    httpFilters: [
      typed("envoy.filters.http.local_ratelimit", LIMIT, {
        ...ENFORCED,
        token_bucket: { max_tokens: 1, fill_interval: "0.010s" },
      }),
    ],
    routes: [to("a")],
    requests: [{}],
    refused: true,
  },
  {
    name: "filters: local rate limit by route",
    httpFilters: [typed("envoy.filters.http.local_ratelimit", LIMIT, { stat_prefix: "none" })],
    routes: ["/one", "/two"].map((prefix) => ({
      ...to("a", { prefix }),
      ...perRoute("envoy.filters.http.local_ratelimit", LIMIT, { ...ENFORCED, token_bucket: bucket(1) }),
    })),
    requests: [{ path: "/one", times: 2 }, { path: "/two", times: 2 }],
  },
  ...describedLimits(),
];

/** Limits by what routes and virtual hosts describe requests by. */
function describedLimits(): DifferentialCase[] {
  const entry = (...entries: readonly (readonly [string, string])[]): Json =>
    entries.map(([key, value]) => ({ key, value }));
  const descriptors = [
    { entries: entry(["user", "alice"]), token_bucket: bucket(1) },
    { entries: entry(["user", ""]), token_bucket: bucket(2) },
    { entries: entry(["generic_key", "slow"], ["header_match", "post"]), token_bucket: bucket(1) },
    { entries: entry(["remote_address", "127.0.0.1"], ["destination_cluster", "b"]), token_bucket: bucket(1) },
    { entries: entry(["host", "limited"]), token_bucket: bucket(2) },
    { entries: entry(["masked_remote_address", "127.0.0.0/8"], ["k", "v"]), token_bucket: bucket(1) },
  ];
  const user = { actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] };
  const routes = [
    to("a", { prefix: "/user" }, { rate_limits: [user] }),
    to("a", { prefix: "/slow" }, {
      rate_limits: [{
        actions: [
          { generic_key: { descriptor_value: "slow" } },
          {
            header_value_match: {
              descriptor_value: "post",
              headers: [{ name: ":method", string_match: { exact: "POST" } }],
            },
          },
        ],
      }],
    }),
    to("b", { prefix: "/address" }, {
      rate_limits: [{ actions: [{ remote_address: {} }, { destination_cluster: {} }] }],
    }),
    to("a", { prefix: "/masked" }, {
      rate_limits: [{
        actions: [
          { masked_remote_address: { v4_prefix_mask_len: 8 } },
          { request_headers: { header_name: "x-absent", descriptor_key: "absent", skip_if_absent: true } },
          { generic_key: { descriptor_key: "k", descriptor_value: "v" } },
        ],
      }],
    }),
    to("a", { prefix: "/stage" }, { rate_limits: [{ ...user, stage: 1 }] }),
    to("a", { prefix: "/include" }, { rate_limits: [user], include_vh_rate_limits: true }),
    to("a"),
  ];
  const requests: CaseRequest[] = [
    { path: "/user", headers: [["x-user", "alice"]], times: 2 },
    { path: "/user", headers: [["x-user", "bob"]], times: 3 },
    { path: "/user", headers: [["x-user", "carol"]], times: 3 },
    { path: "/user", times: 2 },
    { path: "/slow", times: 2 },
    { path: "/slow", method: "POST", times: 2 },
    { path: "/address", times: 2 },
    { path: "/address", headers: [["x-forwarded-for", "9.9.9.9"]], times: 2 },
    { path: "/masked", times: 2 },
    { path: "/stage", headers: [["x-user", "alice"]], times: 2 },
    { path: "/include", headers: [["x-user", "dora"]], times: 3 },
    { path: "/", times: 3 },
  ];
  const byHost = ["OVERRIDE", "INCLUDE", "IGNORE"].map((vh_rate_limits): DifferentialCase => ({
    name: `filters: local rate limit by descriptors, virtual host ${vh_rate_limits}`,
    httpFilters: [
      typed("envoy.filters.http.local_ratelimit", LIMIT, {
        ...ENFORCED,
        token_bucket: bucket(1000),
        descriptors,
        vh_rate_limits,
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
      }),
    ],
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      rate_limits: [{ actions: [{ generic_key: { descriptor_key: "host", descriptor_value: "limited" } }] }],
      routes,
    }],
    requests,
  }));
  return [...byHost, {
    name: "filters: local rate limit by descriptors beside the bucket of all",
    httpFilters: [
      typed("envoy.filters.http.local_ratelimit", LIMIT, {
        ...ENFORCED,
        token_bucket: bucket(1),
        descriptors: descriptors.slice(1, 2),
        always_consume_default_token_bucket: false,
      }),
    ],
    virtualHosts: [{ name: "all", domains: ["*"], rate_limits: [user], routes: [to("a")] }],
    requests: [{ headers: [["x-user", "bob"]], times: 3 }, { times: 2 }],
  }];
}

const change = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { header: { key, value }, append_action },
});

const MUTATIONS: readonly DifferentialCase[] = [
  {
    name: "filters: header mutation",
    httpFilters: [
      typed("envoy.filters.http.header_mutation", MUTATION, {
        mutations: {
          request_mutations: [
            { remove: "x-gone" },
            change("x-added", "%REQ(:PATH)%"),
            change("x-set", "new", "OVERWRITE_IF_EXISTS_OR_ADD"),
            change("x-absent", "new", "ADD_IF_ABSENT"),
            change("x-there", "new", "OVERWRITE_IF_EXISTS"),
            { remove_on_match: { key_matcher: { prefix: "x-internal-" } } },
            change("x-internal-after", "1"),
          ],
          response_mutations: [
            { remove: "x-secret" },
            change("x-out", "%RESPONSE_CODE%"),
            { remove_on_match: { key_matcher: { safe_regex: { regex: "x-deb.*" } } } },
          ],
        },
      }),
    ],
    routes: [to("a")],
    requests: [
      {},
      {
        headers: [
          ["x-gone", "1"],
          ["x-added", "own"],
          ["x-set", "old"],
          ["x-absent", "old"],
          ["x-there", "old"],
          ["x-internal-a", "1"],
          ["x-internal-b", "2"],
        ],
        script: ["200 x-secret=1 x-debug=1 x-deb=2 x-other=3"],
      },
    ],
  },
  ...[false, true].map((most_specific_header_mutations_wins): DifferentialCase => ({
    name: `filters: header mutation at every level, most specific wins ${most_specific_header_mutations_wins}`,
    httpFilters: [
      typed("envoy.filters.http.header_mutation", MUTATION, {
        mutations: {
          request_mutations: [change("x-order", "filter")],
          response_mutations: [change("x-order", "filter")],
        },
        most_specific_header_mutations_wins,
      }),
    ],
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...perRoute("envoy.filters.http.header_mutation", MUTATION_ROUTE, {
        mutations: { request_mutations: [change("x-order", "host")], response_mutations: [change("x-order", "host")] },
      }),
      routes: [{
        ...to("a"),
        ...perRoute("envoy.filters.http.header_mutation", MUTATION_ROUTE, {
          mutations: {
            request_mutations: [change("x-order", "route")],
            response_mutations: [change("x-order", "route")],
          },
        }),
      }],
    }],
    routeConfig: perRoute("envoy.filters.http.header_mutation", MUTATION_ROUTE, {
      mutations: {
        request_mutations: [change("x-order", "config")],
        response_mutations: [change("x-order", "config")],
      },
    }),
    requests: [{}],
  })),
];

const ORDER: readonly DifferentialCase[] = [
  {
    name: "filters: in the order of the configuration",
    httpFilters: ["one", "two", "three"].map((name) =>
      typed(name, MUTATION, {
        mutations: { request_mutations: [change("x-order", name)], response_mutations: [change("x-order", name)] },
      })
    ),
    routes: [to("a")],
    requests: [{}],
  },
  {
    name: "filters: a limit before a fault before CORS",
    httpFilters: [
      typed("envoy.filters.http.local_ratelimit", LIMIT, { ...ENFORCED, token_bucket: bucket(1) }),
      typed(NAME, FAULT, { abort: { http_status: 418, percentage: ALL } }),
      typed("envoy.filters.http.cors", CORS),
    ],
    routes: [{ ...to("a"), ...perRoute("envoy.filters.http.cors", CORS_POLICY, ORIGINS) }],
    requests: [{ headers: ORIGIN, times: 2 }],
  },
  {
    name: "filters: CORS before a fault",
    httpFilters: [
      typed("envoy.filters.http.cors", CORS),
      typed(NAME, FAULT, { abort: { http_status: 418, percentage: ALL } }),
    ],
    routes: [{ ...to("a"), ...perRoute("envoy.filters.http.cors", CORS_POLICY, ORIGINS) }],
    requests: ALL_CORS,
  },
  {
    name: "filters: switched off in the chain, and on by a route",
    httpFilters: [
      { ...typed("off", MUTATION, { mutations: { request_mutations: [change("x-off", "1")] } }), disabled: true },
    ],
    routes: [
      {
        ...to("a", { prefix: "/on" }),
        ...perRoute("off", MUTATION_ROUTE, { mutations: { request_mutations: [change("x-on", "1")] } }),
      },
      to("a"),
    ],
    requests: [{ path: "/on" }, {}],
  },
];

/** HTTP filters. */
export const HTTP_FILTER_CASES: readonly DifferentialCase[] = [
  ...FAULTS,
  ...CORS_CASES,
  ...LIMITS,
  ...MUTATIONS,
  ...ORDER,
];
