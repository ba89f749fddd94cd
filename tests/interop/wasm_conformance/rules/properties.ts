import { GIVEN_HEX, OUT, type Part } from "../module_builder.ts";
import { rule, type WasmRule } from "../rule.ts";

const TEXT = [
  "request.path",
  "request.url_path",
  "request.host",
  "request.scheme",
  "request.method",
  "request.referer",
  "request.useragent",
  "request.protocol",
  "request.query",
  "request.headers.x-a",
  "request.headers.x-none",
  "response.code_details",
  "response.headers.x-b",
  "plugin_root_id",
  "plugin_vm_id",
  "cluster_name",
  "route_name",
  "xds.cluster_name",
  "xds.route_name",
  "xds.virtual_host_name",
  "xds.filter_chain_name",
  "connection.requested_server_name",
  "connection.tls_version",
  "connection.subject_peer_certificate",
  "upstream.tls_version",
  "upstream.transport_failure_reason",
];
const NUMBERS = [
  "request.size",
  "response.code",
  "response.flags",
  "response.size",
  "response.grpc_status",
  "listener_direction",
  "xds.listener_direction",
  "connection.mtls",
  "upstream.request_attempt_count",
];
const UNKNOWN = ["", "request", "response", "request.none", "none", "filter_state.none", "metadata.none", "node.none"];

const all = (names: readonly string[], shown?: Part) => (m: Parameters<Parameters<typeof rule>[1]>[0]) =>
  names.map((name) => m.property(name, shown));

const options = {
  requests: [{
    method: "POST",
    path: "/a/b?c=d",
    headers: [["x-a", "1"], ["x-a", "2"], ["referer", "http://r.example/"]],
    body: "hello",
    script: ["201 x-b=3"],
  }],
  plugin: { root_id: "the-root" },
} as const;

/** Properties: names and encodings. */
export const PROPERTY_RULES: readonly WasmRule[] = [
  rule("properties: text at request headers", (m) => m.on("request_headers", all(TEXT)(m)), options),
  rule("properties: text at response headers", (m) => m.on("response_headers", all(TEXT)(m)), options),
  rule("properties: text when all is over", (m) => m.on("log", all(TEXT)(m)), options),
  rule("properties: numbers at request headers", (m) => m.on("request_headers", all(NUMBERS, GIVEN_HEX)(m)), options),
  rule("properties: numbers at response headers", (m) => m.on("response_headers", all(NUMBERS, GIVEN_HEX)(m)), options),
  rule("properties: numbers when all is over", (m) => m.on("log", all(NUMBERS, GIVEN_HEX)(m)), options),
  rule("properties: names nobody knows", (m) => m.on("request_headers", all(UNKNOWN, GIVEN_HEX)(m)), options),
  rule("properties: a path that ends with NUL", (m) => {
    m.on("request_headers", [
      m.try("path", m.call("proxy_get_property", m.text("request\0path\0"), OUT.data, OUT.size), {
        bytes: ["(i32.load (i32.const 64))", "(i32.load (i32.const 68))"],
      }),
    ]);
  }),
  rule("properties: what a module sets, another one reads", (m) => {
    m.on("request_headers", [
      m.try("set", m.call("proxy_set_property", m.text("mine"), m.text("va\0lue"))),
      m.property("mine", GIVEN_HEX),
      m.property("filter_state.wasm.mine", GIVEN_HEX),
    ]);
    m.on("log", [m.property("mine", GIVEN_HEX)]);
  }, { then: [(m) => m.on("request_headers", [m.property("mine", GIVEN_HEX)])] }),
];
