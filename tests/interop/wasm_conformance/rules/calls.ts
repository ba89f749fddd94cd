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
];
