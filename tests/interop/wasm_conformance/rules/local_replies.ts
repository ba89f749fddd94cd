import { int } from "../module_builder.ts";
import { MAP, rule, type RuleOptions, type WasmRule } from "../rule.ts";

const POST: RuleOptions = { requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }] };
const RES = MAP.response;

/** Answers of the module itself, at each stage. */
export const LOCAL_REPLY_RULES: readonly WasmRule[] = [
  rule("local reply: at request headers", (m) => {
    m.on("request_headers", [m.reply(403, "denied", ["x-a", "1", "X-B", "2"])]);
    m.on("response_headers", [m.get(RES, ":status"), m.get(RES, "x-a")]);
    m.on("response_body", [m.buffer(1, 0, -1)]);
  }),
  rule("local reply: what the callback returns does not count", (m) => {
    m.on("request_headers", [m.reply(403, "denied")], int(0));
  }),
  rule("local reply: without content", (m) => m.on("request_headers", [m.reply(204)], int(1))),
  rule("local reply: several values of a name", (m) => {
    m.on("request_headers", [
      m.reply(200, "x", ["set-cookie", "a=1", "set-cookie", "b=2", "content-type", "text/html"]),
    ]);
  }),
  rule("local reply: to HEAD", (m) => m.on("request_headers", [m.reply(403, "denied")]), {
    requests: [{ method: "HEAD" }],
  }),
  rule("local reply: with a status of gRPC", (m) => m.on("request_headers", [m.reply(403, "denied", [], 7)]), {
    requests: [{ headers: [["content-type", "application/grpc"]] }],
  }),
  rule("local reply: to gRPC without a status of gRPC", (m) => m.on("request_headers", [m.reply(403, "denied")]), {
    requests: [{ headers: [["content-type", "application/grpc"]] }],
  }),
  rule("local reply: twice", (m) => m.on("request_headers", [m.reply(403, "first"), m.reply(404, "second")])),
  rule("local reply: at content of a request", (m) => {
    m.on("request_body", [m.when("(local.get $a)", m.reply(413, "too much"))]);
  }, POST),
  rule("local reply: at the end of content that was held back", (m) => {
    m.on("request_body", [m.when("(local.get $b)", m.reply(413, "too much"))], int(1));
  }, POST),
  rule("local reply: at response headers", (m) => {
    m.on("response_headers", [m.reply(502, "replaced", ["x-new", "1"])]);
  }),
  rule("local reply: at response headers that came with content", (m) => {
    m.on("response_headers", [m.reply(502, "replaced")]);
    m.on("response_body", []);
  }, POST),
  rule("local reply: the module changes its own answer", (m) => {
    m.on("request_headers", [m.reply(403, "denied")]);
    m.on("response_headers", [m.add(RES, "x-seen", "yes"), m.replace(RES, ":status", "404")]);
  }),
  rule("local reply: an outer module sees the answer of an inner one", (m) => {
    m.on("response_headers", [m.add(RES, "x-outer", "1")]);
  }, { then: [(m) => m.on("request_headers", [m.reply(403, "denied")])] }),
  rule("local reply: an inner module sees nothing of an outer one", (m) => {
    m.on("request_headers", [m.reply(403, "denied")]);
  }, { then: [(m) => m.on("response_headers", [m.add(RES, "x-inner", "1")])], lastLines: 1 }),
  rule("local reply: headers that are not well-formed pairs", (m) => {
    m.on("request_headers", [
      m.try("reply", m.call("proxy_send_local_response", 403, 0, 0, m.text("body"), m.text("\x05\0\0\0"), -1)),
    ]);
  }),
  rule("local reply: details are told", (m) => {
    m.on("request_headers", [m.reply(403, "denied", [], -1, "why not")]);
    m.on("log", [m.property("response.code_details"), m.property("response.flags")]);
  }),
];
