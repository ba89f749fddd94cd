import { encodePairs, GIVEN_HEX, int, type ModuleBuilder, OUT } from "../module_builder.ts";
import { MAP, rule, type WasmRule } from "../rule.ts";

const { request: REQ, response: RES } = MAP;
const hex = (m: ModuleBuilder, map: number, name: string) =>
  m.try(
    `hex ${name}`,
    m.call("proxy_get_header_map_value", map, m.text(name), OUT.data, OUT.size),
    GIVEN_HEX,
  );
const pairs = (m: ModuleBuilder, map: number, ...list: readonly string[]) =>
  m.try("set_pairs", m.call("proxy_set_header_map_pairs", map, m.text(encodePairs(list))));
const allPairs = (m: ModuleBuilder, map: number) =>
  m.try("pairs", m.call("proxy_get_header_map_pairs", map, OUT.data, OUT.size), GIVEN_HEX);
const size = (m: ModuleBuilder, map: number) =>
  m.try("size", m.call("proxy_get_header_map_size", map, OUT.data), { num: "(i32.load (i32.const 64))" });
const rawPairs = (m: ModuleBuilder, bytes: string) =>
  m.try("set_pairs", m.call("proxy_set_header_map_pairs", RES, m.text(bytes)));

/** Headers: reading, changing, serialisation. */
export const HEADER_RULES: readonly WasmRule[] = [
  rule("headers: pseudo headers of a request", (m) => {
    m.on("request_headers", [":method", ":path", ":authority", ":scheme"].map((name) => m.get(REQ, name)));
  }, { requests: [{ method: "POST", path: "/a?b=c", body: "x" }] }),
  rule("headers: the status of a response", (m) => m.on("response_headers", [m.get(RES, ":status")]), {
    requests: [{ script: ["418"] }],
  }),
  rule("headers: what is missing is not found", (m) => m.on("request_headers", [m.get(REQ, "x-none")])),
  rule("headers: a value that is empty", (m) => m.on("request_headers", [m.get(REQ, "x-a")]), {
    requests: [{ headers: [["x-a", ""]] }],
  }),
  rule("headers: the first of several values", (m) => m.on("response_headers", [m.get(RES, "x-a")]), {
    requests: [{ script: ["200 x-a=1 x-a=2"] }],
  }),
  rule("headers: names are read in any case", (m) => m.on("request_headers", [m.get(REQ, "X-A")]), {
    requests: [{ headers: [["x-a", "1"]] }],
  }),
  rule("headers: names are written in lower case", (m) => {
    m.on("request_headers", [m.add(REQ, "X-New", "1"), m.get(REQ, "x-new")]);
  }),
  rule("headers: add", (m) => {
    m.on("request_headers", [m.add(REQ, "x-a", "2"), m.get(REQ, "x-a")]);
    m.on("response_headers", [m.add(RES, "x-b", "2"), m.add(RES, "x-c", "3"), m.get(RES, "x-b")]);
  }, { requests: [{ headers: [["x-a", "1"]], script: ["200 x-b=1"] }] }),
  rule("headers: replace", (m) => {
    m.on("request_headers", [m.replace(REQ, "x-a", "2"), m.replace(REQ, "x-new", "3"), m.get(REQ, "x-a")]);
    m.on("response_headers", [m.replace(RES, "x-b", "3"), m.get(RES, "x-b")]);
  }, { requests: [{ headers: [["x-a", "1"]], script: ["200 x-b=1 x-b=2"] }] }),
  rule("headers: remove", (m) => {
    m.on("request_headers", [m.remove(REQ, "x-a"), m.remove(REQ, "x-none"), m.get(REQ, "x-a")]);
    m.on("response_headers", [m.remove(RES, "x-b"), m.get(RES, "x-b")]);
  }, { requests: [{ headers: [["x-a", "1"]], script: ["200 x-b=1 x-b=2"] }] }),
  rule("headers: set-cookie stays several", (m) => {
    m.on("response_headers", [m.add(RES, "set-cookie", "c=3"), m.get(RES, "set-cookie")]);
  }, { requests: [{ script: ["200 set-cookie=a=1 set-cookie=b=2"] }] }),
  rule("headers: bytes that are not UTF-8", (m) => {
    m.on("request_headers", [hex(m, REQ, "x-a"), m.add(REQ, "x-b", "\xff\x80\xc3")]);
    m.on("response_headers", [hex(m, RES, "x-c"), m.add(RES, "x-d", "\xfe\xa0b")]);
  }, { requests: [{ headers: [["x-a", "a\xe4\xff"]], script: ["200 x-c=\xf0\x90"] }] }),
  rule("headers: the path is written", (m) => {
    m.on("request_headers", [m.replace(REQ, ":path", "/new?x=1"), m.get(REQ, ":path")]);
  }),
  rule("headers: the method is written", (m) => m.on("request_headers", [m.replace(REQ, ":method", "DELETE")])),
  rule("headers: the authority is written", (m) => {
    m.on("request_headers", [m.replace(REQ, ":authority", "other.example"), m.get(REQ, ":authority")]);
  }),
  rule("headers: the status is written", (m) => {
    m.on("response_headers", [m.replace(RES, ":status", "201"), m.get(RES, ":status")]);
  }),
  rule("headers: a value with a line break", (m) => {
    m.on("response_headers", [m.add(RES, "x-a", "1\r\nx-evil: 2"), m.get(RES, "x-evil")]);
  }),
  rule("headers: an empty name", (m) => m.on("response_headers", [m.add(RES, "", "1")])),
  rule("headers: maps of the other direction while there is no response", (m) => {
    m.on("request_headers", [m.get(RES, ":status"), m.add(RES, "x-a", "1"), m.remove(RES, "x-a"), allPairs(m, RES)]);
  }),
  rule("headers: headers of the request beside the response", (m) => {
    m.on("response_headers", [m.get(REQ, ":path")]);
  }),
  rule("headers: headers of the request written beside the response", (m) => {
    m.on("response_headers", [m.add(REQ, "x-a", "1")]);
  }),
  rule("headers: maps that are not there", (m) => {
    m.on("request_headers", [m.get(MAP.none, "x"), m.add(MAP.none, "x", "1"), size(m, MAP.requestTrailers)]);
  }),
  rule("headers: what can be read when all is over", (m) => {
    m.on("log", [m.get(REQ, ":path"), m.get(RES, ":status"), m.get(REQ, "x-none"), m.get(MAP.requestTrailers, "x")]);
  }),
  rule("headers: what can be written when all is over", (m) => m.on("log", [m.add(REQ, "x-a", "1")])),
  rule("headers: pointers beyond the memory", (m) => {
    const far = int(0x7fff_0000);
    m.on("request_headers", [
      m.try("name", m.call("proxy_get_header_map_value", REQ, far, 5, OUT.data, OUT.size)),
      m.try("out", m.call("proxy_get_header_map_value", REQ, m.text(":path"), far, OUT.size)),
      m.try("value", m.call("proxy_add_header_map_value", REQ, m.text("x-a"), far, 5)),
      m.try("length", m.call("proxy_add_header_map_value", REQ, m.text("x-a"), 0, -1)),
      m.try("log", m.call("proxy_log", 3, far, 1)),
      m.try("property", m.call("proxy_get_property", far, 1, OUT.data, OUT.size)),
      m.try("pairs", m.call("proxy_set_header_map_pairs", REQ, far, 8)),
    ]);
  }),
  rule("pairs: all headers of a response replaced", (m) => {
    m.on("response_headers", [pairs(m, RES, ":status", "202", "x-a", "1", "x-a", "2", "x-e", ""), allPairs(m, RES)]);
  }),
  rule("pairs: the size is that of names and values", (m) => {
    m.on("response_headers", [pairs(m, RES, ":status", "200", "x-a", "123", "x-b", "4"), size(m, RES)]);
  }),
  rule("pairs: more bytes than the pairs have", (m) => {
    m.on("response_headers", [rawPairs(m, `${encodePairs([":status", "200", "x-a", "1"])}x`), m.get(RES, "x-a")]);
  }),
  rule("pairs: fewer bytes than the pairs have", (m) => {
    m.on("response_headers", [
      rawPairs(m, encodePairs([":status", "200", "x-a", "1"]).slice(0, -2)),
      m.get(RES, "x-a"),
    ]);
  }),
  rule("pairs: a count that is not true", (m) => {
    m.on("response_headers", [rawPairs(m, "\xff\xff\xff\xff"), m.get(RES, ":status")]);
  }),
  rule("pairs: as many as there may be, and one more", (m) => {
    const many = (count: number) =>
      encodePairs([":status", "200", ...Array.from({ length: count - 1 }, (_, i) => [`x-${i}`, ""]).flat()]);
    m.on("response_headers", [
      m.try("set", m.call("proxy_set_header_map_pairs", RES, m.text(many(1024)))),
      m.get(RES, "x-1022"),
      m.try("set", m.call("proxy_set_header_map_pairs", RES, m.text(many(1025)))),
      m.get(RES, "x-1022"),
      m.remove(RES, "x-none"),
      m.try("set", m.call("proxy_set_header_map_pairs", RES, m.text(encodePairs([":status", "201"])))),
    ]);
  }),
  rule("pairs: none at all", (m) => {
    m.on("response_headers", [
      m.try("set", m.call("proxy_set_header_map_pairs", RES, 0, 0)),
      m.try("set", m.call("proxy_set_header_map_pairs", RES, m.text(encodePairs([":status", "201", "x-a", "b"])))),
    ]);
  }),
  rule("pairs: one byte of zero is none", (m) => {
    m.on("request_headers", [m.try("reply", m.call("proxy_send_local_response", 203, 0, 0, 0, 0, m.text("\0"), -1))]);
  }),
  rule("trailers: read, add, replace and remove in a response", (m) => {
    const T = MAP.responseTrailers;
    m.on("response_trailers", [
      m.get(T, "x-t"),
      m.add(T, "x-new", "2"),
      m.replace(T, "x-t", "3"),
      m.get(T, "x-t"),
      m.remove(T, "x-u"),
      allPairs(m, T),
    ]);
  }, { requests: [{ script: ["200 trailer:x-t=1 trailer:x-u=2"] }], backend: "h2" }),
  rule("trailers: changed in a request", (m) => {
    const T = MAP.requestTrailers;
    m.on("request_trailers", [m.get(T, "x-t"), m.add(T, "x-new", "2"), m.replace(T, "x-t", "3")]);
  }, {
    requests: [{ method: "POST", chunks: ["hello"], trailers: [["x-t", "1"]] }],
    backend: "h2",
    manager: { http_protocol_options: { enable_trailers: true } },
  }),
  rule("trailers: made in the last callback with content of a request", (m) => {
    m.on("request_body", [m.when("(local.get $b)", m.add(MAP.requestTrailers, "x-made", "1"))]);
  }, { requests: [{ method: "POST", chunks: ["hello"] }], backend: "h2" }),
];
