import type { DifferentialCase, JsonObject } from "../case.ts";
import { header, to } from "../routes.ts";

const ACTIONS = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"];
const GIVEN = [
  {},
  { headers: [["x-h", "given"]] as const, script: ["200 x-h=given"] },
  { headers: [["x-h", "1"], ["x-h", "2"]] as const, script: ["200 x-h=1 x-h=2"] },
  { headers: [["x-h", ""]] as const, script: ["200 x-h="] },
];

/** The same changes to the request and to the response. */
function both(add: readonly JsonObject[], remove: readonly string[] = []): JsonObject {
  return {
    request_headers_to_add: add,
    response_headers_to_add: add,
    ...(remove.length === 0 ? {} : { request_headers_to_remove: remove, response_headers_to_remove: remove }),
  };
}

/** A value of an added header, on both ways. */
function formatted(format: string, requests: DifferentialCase["requests"] = [{}]): DifferentialCase {
  return {
    name: `headers: format ${format}`,
    routes: [{
      name: "the-route",
      ...to("a", { prefix: "/" }),
      ...both([header("x-value", format, undefined, { keep_empty_value: true })]),
    }],
    requests,
    refused: "alike",
  };
}

const MUTATIONS: readonly DifferentialCase[] = [
  ...ACTIONS.map((action): DifferentialCase => ({
    name: `headers: ${action}`,
    routes: [{ ...to("a"), ...both([header("X-H", "added", action)]) }],
    requests: GIVEN,
  })),
  ...ACTIONS.map((action): DifferentialCase => ({
    name: `headers: ${action} of nothing`,
    routes: [{ ...to("a"), ...both([header("x-h", "", action), header("x-i", "%REQ(x-none)%", action)]) }],
    requests: GIVEN,
  })),
  ...ACTIONS.map((action): DifferentialCase => ({
    name: `headers: ${action} of nothing, kept`,
    routes: [{ ...to("a"), ...both([header("x-h", "", action, { keep_empty_value: true })]) }],
    requests: GIVEN,
  })),
  ...[true, false].map((append): DifferentialCase => ({
    name: `headers: old form, append ${append}`,
    routes: [{ ...to("a"), ...both([header("x-h", "added", undefined, { append })]) }],
    requests: GIVEN,
    refused: "alike",
  })),
  {
    name: "headers: several of one name",
    routes: [{ ...to("a"), ...both([header("x-h", "one"), header("x-h", "two"), header("x-h", "three", ACTIONS[1])]) }],
    requests: GIVEN,
  },
  { name: "headers: removed", routes: [{ ...to("a"), ...both([], ["X-H"]) }], requests: GIVEN },
  {
    name: "headers: removed and added",
    routes: [{ ...to("a"), ...both([header("x-h", "new")], ["x-h"]) }],
    requests: GIVEN,
  },
  {
    name: "headers: removed by others than their name",
    routes: [{ ...to("a"), ...both([], ["x-h-*", "user-agent", "x-request-id", "x-forwarded-proto"]) }],
    requests: [{ headers: [["x-h-a", "1"]] }],
    refused: "alike",
  },
  ...[false, true].map((most): DifferentialCase => ({
    name: `headers: order of levels, most specific wins: ${most}`,
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...both([header("x-h", "host", ACTIONS[2]), header("x-a", "host")]),
      routes: [{
        match: { prefix: "/" },
        route: {
          weighted_clusters: {
            clusters: [{
              name: "a",
              weight: 1,
              ...both([header("x-h", "cluster", ACTIONS[2]), header("x-a", "cluster")]),
            }],
          },
        },
        ...both([header("x-h", "route", ACTIONS[2]), header("x-a", "route")]),
      }],
    }],
    routeConfig: {
      most_specific_header_mutations_wins: most,
      ...both([header("x-h", "configuration", ACTIONS[2]), header("x-a", "configuration")]),
    },
    requests: GIVEN,
  })),
  ...[false, true].map((most): DifferentialCase => ({
    name: `headers: removed at one level and added at another, most specific wins: ${most}`,
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...both([header("x-b", "host")], ["x-h", "x-a"]),
      routes: [{ ...to("a"), ...both([header("x-a", "route")], ["x-b"]) }],
    }],
    routeConfig: { most_specific_header_mutations_wins: most, ...both([header("x-h", "configuration")]) },
    requests: GIVEN,
  })),
  ...["host", ":path", ":authority", ":method", ":scheme", ":status", "content-length", "connection", "a b", "x_a", ""]
    .map(
      (name): DifferentialCase => ({
        name: `headers: adding '${name}' to a request`,
        routes: [{ ...to("a"), request_headers_to_add: [header(name, "v")] }],
        requests: [{}],
        refused: "alike",
      }),
    ),
  ...["host", ":path", ":authority", ":status", "content-length", "content-type", "server", "date", "set-cookie"].map(
    (name): DifferentialCase => ({
      name: `headers: overwriting '${name}' of a response`,
      routes: [{ ...to("a"), response_headers_to_add: [header(name, "7", ACTIONS[2])] }],
      requests: [{ script: ["200 empty"] }],
      refused: "alike",
    }),
  ),
  ...["host", ":path", ":authority", ":status", "content-type", "x-backend"].map(
    (name): DifferentialCase => ({
      name: `headers: removing '${name}'`,
      routes: [{ ...to("a"), request_headers_to_remove: [name] }],
      requests: [{ method: "POST", body: "x" }],
      refused: "alike",
    }),
  ),
];

const MESSAGE = [{
  path: "/p/q?r=s",
  headers: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"]] as const,
  script: ["200 x-a=r"],
}];

const FORWARDED: DifferentialCase["requests"] = [
  {},
  ...["1.2.3.4", "1.2.3.4, 5.6.7.8", "1.2.3.4,::1", "fe80::1"].map((value) => ({
    headers: [["x-forwarded-for", value]] as const,
  })),
  { headers: [["x-forwarded-for", "1.2.3.4"], ["x-forwarded-for", "5.6.7.8"]] },
];

const FORMATS: readonly DifferentialCase[] = [
  ...[
    "plain",
    "100%%",
    "%%%REQ(x-a)%%%",
    "%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(:SCHEME)%",
    "%REQ(X-A)%",
    "%REQ(x-none)%",
    "[%REQ(x-none)%]",
    "%REQ(x-none?x-b)%",
    "%REQ(x-b?x-a)%",
    "%REQ(:PATH):3%",
    "%REQ(x-none?:authority):4%",
    "%REQ(USER-AGENT)%",
    "%REQ(host)%",
    "%RESP(x-a)%",
    "%RESP(:status)%",
    "%PROTOCOL%",
    "%RESPONSE_CODE%",
    "%RESPONSE_FLAGS%",
    "%RESPONSE_CODE_DETAILS%",
    "%ROUTE_NAME%",
    "%VIRTUAL_CLUSTER_NAME%",
    "%VIRTUAL_HOST_NAME%",
    "%UPSTREAM_CLUSTER%",
    "%UPSTREAM_CLUSTER_RAW%",
    "%UPSTREAM_HOST%",
    "%UPSTREAM_REMOTE_ADDRESS%",
    "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%UPSTREAM_REMOTE_PORT%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%REQUESTED_SERVER_NAME%",
    "%DOWNSTREAM_PEER_URI_SAN%",
    "%DOWNSTREAM_TLS_VERSION%",
    "%DYNAMIC_METADATA(a:b)%",
    '%DYNAMIC_METADATA(["a","b"])%',
    "%CLUSTER_METADATA(a:b)%",
    '%UPSTREAM_METADATA(["a","b"])%',
    "%UPSTREAM_METADATA(a:b)%",
    "%METADATA(ROUTE:a:b)%",
    "%FILTER_STATE(a:PLAIN)%",
    "%PER_REQUEST_STATE(a)%",
    "%GRPC_STATUS%",
    "%BYTES_RECEIVED%",
    "%CONNECTION_TERMINATION_DETAILS%",
    "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "%HOSTNAME:0%",
    "%ENVIRONMENT(ENMESH_NONE)%",
    "%PATH(NQ)%",
    "%PATH(WQ:PATH)%",
    "%QUERY_PARAM(r)%",
    "%QUERY_PARAM(none)%",
    "%REQUEST_HEADERS_BYTES:0%",
    "%UPSTREAM_PROTOCOL%",
    "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
    "%UPSTREAM_HOST_NAME%",
    "%UPSTREAM_HOST_NAME_WITHOUT_PORT%",
    "%UPSTREAM_PEER_URI_SAN%",
    "%UPSTREAM_TLS_VERSION%",
    "%UPSTREAM_TLS_CIPHER%",
    "%UPSTREAM_HOSTS_ATTEMPTED%",
    "%RESPONSE_FLAGS_LONG%",
    "%RESPONSE_HEADERS_BYTES:0%",
    "%RESPONSE_TRAILERS_BYTES%",
    "%BYTES_SENT%",
    "%DURATION:0%",
    "%RESPONSE_TX_DURATION%",
    "%ACCESS_LOG_TYPE%",
    "%CUSTOM_FLAGS%",
    "%FILTER_CHAIN_NAME%",
    "%GRPC_STATUS_NUMBER%",
    "%GRPC_STATUS(CAMEL_STRING)%",
    "%TRAILER(x)%",
    "%RESP(x-none?x-a):1%",
    "%UNIQUE_ID:0%",
    "%STREAM_ID:0%",
    "%DOWNSTREAM_LOCAL_URI_SAN%",
    "%DOWNSTREAM_LOCAL_SUBJECT%",
    "%DOWNSTREAM_PEER_SUBJECT%",
    "%DOWNSTREAM_PEER_ISSUER%",
    "%DOWNSTREAM_PEER_SERIAL%",
    "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    "%DOWNSTREAM_PEER_CERT%",
    "%DOWNSTREAM_TLS_CIPHER%",
    "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "%TLS_JA3_FINGERPRINT%",
    "%UPSTREAM_FILTER_STATE(a:PLAIN)%",
    "%UPSTREAM_CLUSTER:1%",
    "%PATH(NQ:ORIG)%",
    "%PATH(WQ:ORIG_OR_PATH):3%",
    "%START_TIME(static)%",
    "%START_TIME(%Y)%",
    "%TRACE_ID%",
    "%COALESCE(x)%",
    "%UNKNOWN%",
    "%REQ(x-a%",
    "%REQ%",
    "%REQ()%",
    "%req(x-a)%",
    "%",
    "a % b",
    "%%",
    "%REQ(x-a)",
    "%PROTOCOL(x)%",
    "%PROTOCOL:3%",
    "%REQ(x-a):0%",
    "é",
  ].map((format) => formatted(format, MESSAGE)),
  {
    name: "headers: values see the request before it is rewritten",
    routes: [{
      ...to("a", { prefix: "/a" }, { prefix_rewrite: "/new", host_rewrite_literal: "new.example" }),
      ...both([header("x-path", "%REQ(:path)%"), header("x-host", "%REQ(:authority)%")]),
    }],
    requests: [{ path: "/a/b" }],
  },
  {
    name: "headers: the caller's address by x-forwarded-for",
    routes: [{
      ...to("a"),
      ...both([
        header("x-remote", "%DOWNSTREAM_REMOTE_ADDRESS%"),
        header("x-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        header("x-port", "%DOWNSTREAM_REMOTE_PORT%"),
        header("x-direct", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"),
      ]),
    }],
    requests: FORWARDED.slice(1),
  },
  ...[1, 2].map((xff_num_trusted_hops): DifferentialCase => ({
    name: `headers: the caller's address behind ${xff_num_trusted_hops} proxies`,
    routes: [{ ...to("a"), ...both([header("x-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")]) }],
    manager: { xff_num_trusted_hops },
    requests: [...FORWARDED, { headers: [["x-forwarded-for", "1.1.1.1, 2.2.2.2, 3.3.3.3"]] }],
  })),
  {
    name: "headers: values see headers added before",
    routes: [{
      ...to("a"),
      ...both([header("x-one", "1"), header("x-two", "%REQ(x-one)%"), header("x-three", "%RESP(x-one)%")]),
    }],
    requests: [{}],
  },
  {
    name: "headers: headers of a local reply are changed",
    routes: [{
      ...to("dead"),
      response_headers_to_add: [header("x-flags", "%RESPONSE_FLAGS%"), header("x-code", "%RESPONSE_CODE%")],
    }],
    requests: [{}],
  },
  {
    name: "headers: headers of other local replies are changed",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      response_headers_to_add: [header("x-vh", "%RESPONSE_CODE%")],
      routes: [
        { ...to("empty", { prefix: "/empty" }), response_headers_to_add: [header("x-flags", "%RESPONSE_FLAGS%")] },
        { ...to("nowhere", { prefix: "/nowhere" }), response_headers_to_add: [header("x-flags", "%RESPONSE_FLAGS%")] },
        {
          ...to("a", { prefix: "/timeout" }, { timeout: "0.2s" }),
          response_headers_to_add: [header("x-flags", "%RESPONSE_FLAGS%")],
        },
      ],
    }],
    routeConfig: { validate_clusters: false, response_headers_to_add: [header("x-rc", "1")] },
    requests: [{ path: "/empty" }, { path: "/nowhere" }, { path: "/timeout", script: ["delay:2000 200"] }, {
      path: "/none",
    }],
  },
];

const each = (...names: string[]) => names.map((name) => ({ headers: [[name, "7"]] as const }));

const FORGED: readonly DifferentialCase[] = [
  {
    name: "headers: what a caller may forge",
    routes: [to("a")],
    requests: [
      ...each(
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-force-trace",
        "x-envoy-ip-tags",
        "x-envoy-original-url",
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-original-dst-host",
        "x-envoy-internal",
        "x-envoy-external-address",
        "x-envoy-decorator-operation",
        "x-envoy-attempt-count",
        "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node",
        "x-envoy-is-timeout-retry",
        "x-envoy-peer-metadata",
        "x-envoy-peer-metadata-id",
        "x-envoy-upstream-service-time",
        "x-envoy-other",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-path",
        "x-forwarded-client-cert",
        "x-request-id",
        "x-client-trace-id",
        "x-ot-span-context",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-sampled",
        "traceparent",
        "b3",
        "via",
        "forwarded",
        "x-real-ip",
        "grpc-timeout",
        "x-cluster",
      ),
      { headers: [["x-forwarded-proto", "https"]] },
      { headers: [["x-forwarded-proto", "nonsense"]] },
      { headers: [["x-forwarded-for", "1.2.3.4, 5.6.7.8"]] },
      { headers: [["x-request-id", "6dbd4e1c-1f4d-4a2d-9d4c-000000000000"]] },
      { headers: [["accept", "1"], ["accept", "2"]] },
    ],
  },
  {
    name: "headers: what a backend may forge",
    routes: [to("a")],
    requests: [
      "x-envoy-attempt-count=1",
      "x-envoy-degraded=1",
      "x-envoy-decorator-operation=1",
      "x-envoy-immediate-health-check-fail=1",
      "x-envoy-overloaded=1",
      "x-envoy-ratelimited=1",
      "x-envoy-upstream-canary=true",
      "x-envoy-upstream-healthchecked-cluster=1",
      "x-envoy-upstream-service-time=7",
      "x-envoy-other=1",
      "x-request-id=1",
      "via=1",
      "server=mine",
      "date=now",
    ].map((word) => ({ script: [`200 ${word}`] })),
  },
];

const IDS = [{}, { headers: [["x-request-id", "mine"]] as const }, { script: ["200 x-request-id=theirs"] }];

/** Settings of the connection manager that say what it adds. */
const ADDED: readonly DifferentialCase[] = [
  ...[
    { generate_request_id: false },
    { always_set_request_id_in_response: true },
    { preserve_external_request_id: true },
    { generate_request_id: false, always_set_request_id_in_response: true },
    { skip_xff_append: true },
    { xff_num_trusted_hops: 1 },
    { server_name: "istio-envoy" },
    { server_header_transformation: "PASS_THROUGH" },
    { server_header_transformation: "APPEND_IF_ABSENT" },
    { forward_client_cert_details: "ALWAYS_FORWARD_ONLY" },
    { forward_client_cert_details: "SANITIZE_SET" },
    { represent_ipv4_remote_address_as_ipv4_mapped_ipv6: true },
    { proxy_100_continue: true },
    { via: "proxy" },
    { append_x_forwarded_port: true },
  ].map((manager): DifferentialCase => ({
    name: `headers: connection manager with ${JSON.stringify(manager)}`,
    routes: [to("a", { prefix: "/a" }), { match: { prefix: "/" }, direct_response: { status: 200 } }],
    manager,
    requests: [
      ...IDS.map((request) => ({ ...request, path: "/a" })),
      { path: "/a", script: ["200 server=mine"] },
      { path: "/a", headers: [["x-forwarded-for", "1.2.3.4, 5.6.7.8"], ["x-forwarded-client-cert", "URI=spiffe://x"]] },
      {},
    ],
    refused: "alike",
  })),
];

/** How headers change on their way. */
export const HEADER_CASES: readonly DifferentialCase[] = [...MUTATIONS, ...FORMATS, ...FORGED, ...ADDED];
