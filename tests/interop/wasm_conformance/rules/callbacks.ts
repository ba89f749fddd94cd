import { int, PARAM } from "../module_builder.ts";
import { rule, type WasmRule } from "../rule.ts";

const POST = { method: "POST", chunks: ["hello"] };
const TRAILERS = { http_protocol_options: { enable_trailers: true } };

/** Which callbacks come, and in which order. */
export const CALLBACK_RULES: readonly WasmRule[] = [
  rule("callbacks: a request without content", () => {}),
  rule("callbacks: HEAD has a response without content", () => {}, { requests: [{ method: "HEAD" }] }),
  rule("callbacks: a response of status 204", (m) => m.on("response_body", []), { requests: [{ script: ["204"] }] }),
  rule("callbacks: requests one after the other", () => {}, { requests: [{}, {}, {}] }),
  rule("callbacks: content of a request in one chunk", (m) => m.on("request_body", []), { requests: [POST] }),
  rule("callbacks: content of a request in several chunks", (m) => m.on("request_body", []), {
    requests: [{ method: "POST", chunks: ["one", "three", "seven"] }],
  }),
  rule("callbacks: content of a response in several chunks", (m) => m.on("response_body", []), {
    requests: [{ script: ["200 chunk:one chunk:three chunk:seven"] }],
  }),
  rule("callbacks: content that has arrived whole", (m) => {
    m.on("request_body", []);
    m.on("response_body", []);
  }, { requests: [{ method: "POST", body: "hello" }] }),
  rule("callbacks: trailers of a request", (m) => {
    m.on("request_body", []);
    m.on("request_trailers", []);
  }, {
    requests: [{ method: "POST", chunks: ["hello"], trailers: [["x-t", "1"]] }],
    backend: "h2",
    manager: TRAILERS,
  }),
  rule("callbacks: trailers of a response", (m) => {
    m.on("response_body", []);
    m.on("response_trailers", []);
  }, { requests: [{ script: ["200 trailer:x-t=1"] }], backend: "h2" }),
  rule("callbacks: trailers without content", (m) => m.on("response_trailers", []), {
    requests: [{ script: ["200 empty trailer:x-t=1"] }],
    backend: "h2",
  }),
  rule("callbacks: an upstream that cannot be reached", () => {}, { backend: "dead" }),
  rule("callbacks: an upstream that resets", () => {}, { requests: [{ script: ["reset"] }] }),
  rule("callbacks: what done returns changes nothing for a stream", (m) => m.on("done", [], int(0))),
  rule("callbacks: two modules, requests inwards and responses outwards", (m) => {
    m.on("request_headers", [m.say("outer")]);
    m.on("response_headers", [m.say("outer")]);
  }, {
    then: [(m) => {
      m.on("request_headers", [m.say("inner")]);
      m.on("response_headers", [m.say("inner")]);
    }],
  }),
  rule("callbacks: a module without any", (m) => {
    for (const name of ["request_headers", "response_headers", "done", "log", "delete"] as const) m.without(name);
  }, { lastLine: /^create$/ }),
  rule("callbacks: malloc where there is no other allocator", (m) => {
    m.allocators = ["malloc"];
    m.on("request_headers", [m.get(0, ":path")]);
  }),
  rule("callbacks: an allocator without memory", (m) => {
    m.allocates = false;
    m.on("request_headers", [m.get(0, ":path"), m.property("request.path")]);
  }),
  rule("callbacks: the version 0.2.0", (m) => {
    m.abi = "0_2_0";
    m.on("request_headers", [m.get(0, "x-none")]);
  }),
  rule("callbacks: the version 0.1.0 has no end of stream with headers", (m) => {
    m.abi = "0_1_0";
    m.on("request_headers", [m.get(0, "x-none"), m.get(0, ":path")]);
  }),
  rule("callbacks: the number of headers is one each pair", (m) => {
    const { get, set } = m.global("count");
    m.on("request_headers", [
      set(PARAM[0]),
      m.try("pairs", m.call("proxy_get_header_map_pairs", 0, 64, 68)),
      m.say("same: ", { num: `(i32.eq ${get} (i32.load (i32.load (i32.const 64))))` }),
    ]);
  }),
];
