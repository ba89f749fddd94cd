import { encodePairs, int, type ModuleBuilder, OUT } from "../module_builder.ts";
import { ALL, MAP, rule, type WasmRule } from "../rule.ts";

const HEADERS = [":method", "POST", ":path", "/called", ":authority", "called.example", "x-call", "1"];

const call = (m: ModuleBuilder, cluster: string, headers: readonly string[] = HEADERS, timeout = 1000) =>
  m.try(
    `call ${cluster}`,
    m.call(
      "proxy_http_call",
      m.text(cluster),
      m.text(encodePairs(headers)),
      m.text("asked"),
      m.text(""),
      timeout,
      OUT.extra,
    ),
  );
const status = (m: ModuleBuilder) =>
  m.try("status", m.call("proxy_get_status", OUT.extra, OUT.data, OUT.size), { num: "(i32.load (i32.const 72))" });
const resume = (m: ModuleBuilder) => [
  m.try("effective", m.call("proxy_set_effective_context", "(global.get $stream)")),
  m.try("continue", m.call("proxy_continue_stream", 0)),
];
/** Pauses for a call, and goes on with its answer. */
const asks = (cluster: string) => (m: ModuleBuilder) => {
  m.on("request_headers", [call(m, cluster)], int(1));
  m.on("http_call_response", [
    m.say("answer: body ", { num: "(local.get $c)" }, " trailers ", { num: "(local.get $d)" }),
    m.get(MAP.none - 3, ":status"),
    m.get(MAP.none - 3, "x-backend"),
    m.buffer(4, 0, ALL),
    status(m),
    ...resume(m),
  ]);
};

/** What the backend answers; it takes calls for mirrored requests, by the header that tells of their origin. */
const SCRIPT = (words: string) => encodePairs(["x-mirror-script", `200 content-type=application/grpc empty ${words}`]);

/**
 * A `GrpcService` of a cluster. Its name alone is taken too, but Envoy reads some names, `h2` among them, as an empty
 * message and ends.
 */
const service = (cluster: string) =>
  `\x0a${String.fromCharCode(cluster.length + 2)}\x0a${String.fromCharCode(cluster.length)}${cluster}`;

const grpcCall = (m: ModuleBuilder, cluster: string, metadata = "") =>
  m.try(
    `grpc_call ${cluster}`,
    m.call(
      "proxy_grpc_call",
      m.text(service(cluster)),
      m.text("test.Service"),
      m.text("Method"),
      m.text(metadata),
      m.text("message"),
      1000,
      OUT.extra,
    ),
  );
const grpcStream = (m: ModuleBuilder, cluster: string, metadata = "") =>
  m.try(
    `grpc_stream ${cluster}`,
    m.call(
      "proxy_grpc_stream",
      m.text(service(cluster)),
      m.text("test.Service"),
      m.text("Method"),
      m.text(metadata),
      OUT.extra,
    ),
  );
/** Tells of everything that comes, and goes on when it is over. */
const tells = (m: ModuleBuilder) => {
  m.on("grpc_receive_initial_metadata", [m.get(4, "content-type")]);
  m.on("grpc_receive", [m.say("size ", { num: "(local.get $b)" })]);
  m.on("grpc_receive_trailing_metadata", [m.get(5, "grpc-status")]);
  m.on("grpc_close", [m.say("code ", { num: "(local.get $b)" }), status(m), ...resume(m)]);
};

/** Calls to clusters. */
export const CALL_RULES: readonly WasmRule[] = [
  rule("http call: a request waits for the answer", asks("b")),
  rule("http call: the answer of a cluster over HTTP/2", asks("h2")),
  rule("http call: a cluster that cannot be reached", asks("dead")),
  rule("http call: a cluster without endpoints", asks("empty")),
  rule("http call: a local reply by the answer", (m) => {
    m.on("request_headers", [call(m, "b")], int(1));
    m.on("http_call_response", [
      m.try("effective", m.call("proxy_set_effective_context", "(global.get $stream)")),
      m.reply(401, "not you", ["x-why", "1"]),
    ]);
  }),
  rule("http call: a cluster nobody knows", (m) => m.on("request_headers", [call(m, "unknown")])),
  rule("http call: without a path", (m) => {
    m.on("request_headers", [call(m, "b", [":method", "GET", ":authority", "x"])]);
  }),
  rule("http call: without a method", (m) => {
    m.on("request_headers", [call(m, "b", [":path", "/", ":authority", "x"])]);
  }),
  rule("http call: without an authority", (m) => {
    m.on("request_headers", [call(m, "b", [":method", "GET", ":path", "/"])]);
  }),
  rule("http call: a time limit below zero", (m) => m.on("request_headers", [call(m, "b", HEADERS, -1)])),
  rule("http call: from the response", (m) => {
    m.on("response_headers", [call(m, "b")], int(1));
    m.on("http_call_response", [
      m.try("effective", m.call("proxy_set_effective_context", "(global.get $stream)")),
      m.add(MAP.response, "x-called", "1"),
      m.try("continue", m.call("proxy_continue_stream", 1)),
    ]);
  }),
  rule("grpc: a cluster nobody knows", (m) => {
    m.on("request_headers", [grpcCall(m, "unknown"), grpcStream(m, "unknown")]);
  }),
  rule("grpc: a cluster by its name alone", (m) => {
    tells(m);
    const call = m.call(
      "proxy_grpc_call",
      m.text("dead"),
      m.text("test.Service"),
      m.text("Method"),
      m.text(""),
      m.text("message"),
      1000,
      OUT.extra,
    );
    m.on("request_headers", [m.try("grpc_call", call)], int(1));
  }),
  rule("grpc: calls and streams that are not there", (m) => {
    m.on("request_headers", [
      ...[5, 6, 4, 7].flatMap((id) => [
        m.try(`cancel ${id}`, m.call("proxy_grpc_cancel", id)),
        m.try(`close ${id}`, m.call("proxy_grpc_close", id)),
        m.try(`send ${id}`, m.call("proxy_grpc_send", id, m.text("message"), 1)),
      ]),
    ]);
  }),
  rule("grpc: a call that is answered with a status", (m) => {
    tells(m);
    m.on("request_headers", [grpcCall(m, "h2", SCRIPT("trailer:grpc-status=5 trailer:grpc-message=none"))], int(1));
  }),
  rule("grpc: a call to a cluster that cannot be reached", (m) => {
    tells(m);
    m.on("request_headers", [grpcCall(m, "dead")], int(1));
  }),
  rule("grpc: a stream that is ended by the server", (m) => {
    tells(m);
    m.on("request_headers", [
      grpcStream(m, "h2", SCRIPT("trailer:grpc-status=0")),
      "(global.set $call (i32.load (i32.const 72)))",
      m.try("send", m.call("proxy_grpc_send", "(global.get $call)", m.text("message"), 1)),
    ], int(1));
    m.global("call");
  }),
  rule("grpc: a stream that is cancelled", (m) => {
    tells(m);
    m.on("request_headers", [
      grpcStream(m, "h2"),
      "(global.set $call (i32.load (i32.const 72)))",
      m.try("cancel", m.call("proxy_grpc_cancel", "(global.get $call)")),
      m.try("again", m.call("proxy_grpc_cancel", "(global.get $call)")),
    ]);
    m.global("call");
  }),
];
