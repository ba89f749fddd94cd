import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, header, to, whenHeader } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));

/** One condition on the parameter `q`. */
function onQuery(what: string, matcher: JsonObject, ...given: string[]): DifferentialCase {
  return {
    name: `matching: query parameter ${what}`,
    routes: [answer("yes", { prefix: "/", query_parameters: [{ name: "q", ...matcher }] }), answer("no")],
    requests: paths("/", ...given.map((query) => `/?${query}`)),
  };
}

const QUERY = [
  "q=a",
  "q=A",
  "q=ab",
  "q=",
  "q",
  "x=1&q=a",
  "q=b&q=a",
  "q=a&q=b",
  "Q=a",
  "q=%61",
  "q=a#b",
  "x=q=a",
  "qq=a",
];

/** Matching by query, chance, gRPC and metadata, and what happens where nothing matches. */
export const MATCHING_CASES: readonly DifferentialCase[] = [
  onQuery("exact", { string_match: { exact: "a" } }, ...QUERY),
  onQuery("exact in any case", { string_match: { exact: "a", ignore_case: true } }, ...QUERY),
  onQuery("prefix", { string_match: { prefix: "a" } }, ...QUERY),
  onQuery("suffix", { string_match: { suffix: "b" } }, ...QUERY),
  onQuery("contains", { string_match: { contains: "a" } }, ...QUERY),
  onQuery("regex", { string_match: { safe_regex: { regex: "a|b" } } }, ...QUERY),
  onQuery("of a space", { string_match: { exact: "a b" } }, "q=a+b", "q=a%20b"),
  onQuery("present", { present_match: true }, ...QUERY),
  onQuery("absent", { present_match: false }, ...QUERY),
  onQuery("without a condition", {}, ...QUERY),
  {
    name: "matching: all query parameters must match",
    routes: [
      answer("yes", {
        prefix: "/",
        query_parameters: [{ name: "a", string_match: { exact: "1" } }, { name: "b", present_match: true }],
      }),
      answer("no"),
    ],
    requests: paths("/?a=1&b=2", "/?b&a=1", "/?a=1", "/?b=1", "/?a=2&b=1"),
  },
  {
    name: "matching: a runtime fraction of 0 and of all",
    routes: [
      answer("never", { prefix: "/", runtime_fraction: { default_value: { numerator: 0, denominator: "HUNDRED" } } }),
      answer("always", { prefix: "/", runtime_fraction: { default_value: { numerator: 100 } } }),
      answer("rest"),
    ],
    requests: [{ times: 20 }],
  },
  {
    name: "matching: a runtime fraction",
    routes: [
      to("a", { prefix: "/", runtime_fraction: { default_value: { numerator: 2500, denominator: "TEN_THOUSAND" } } }),
      to("b"),
    ],
    requests: [{ times: 400, compare: "proportions" }],
  },
  {
    name: "matching: gRPC",
    routes: [answer("grpc", { prefix: "/", grpc: {} }), to("a")],
    requests: [
      { method: "POST", headers: [["content-type", "application/grpc"]], body: "x" },
      { method: "POST", headers: [["content-type", "application/grpc+proto"]], body: "x" },
      { method: "POST", headers: [["content-type", "application/grpc-web"]], body: "x" },
      { method: "POST", headers: [["content-type", "application/grpcfoo"]], body: "x" },
      { method: "POST", headers: [["content-type", "application/json"]], body: "x" },
      {},
    ],
  },
  {
    name: "matching: dynamic metadata that nobody has set",
    routes: [
      answer("set", {
        prefix: "/",
        dynamic_metadata: [{ filter: "f", path: [{ key: "k" }], value: { string_match: { exact: "v" } } }],
      }),
      answer("not v", {
        prefix: "/inverted",
        dynamic_metadata: [{
          filter: "f",
          path: [{ key: "k" }],
          value: { string_match: { exact: "v" } },
          invert: true,
        }],
      }),
      answer("present", {
        prefix: "/present",
        dynamic_metadata: [{ filter: "f", path: [{ key: "k" }], value: { present_match: true } }],
      }),
      answer("absent", {
        prefix: "/absent",
        dynamic_metadata: [{ filter: "f", path: [{ key: "k" }], value: { present_match: true }, invert: true }],
      }),
      answer("no"),
    ],
    requests: paths("/", "/inverted", "/present", "/absent"),
  },
  {
    name: "matching: internal_only_headers are removed before anything sees them",
    routes: [answer("seen", whenHeader("x-inside", { present_match: true })), to("a")],
    routeConfig: { internal_only_headers: ["x-inside"] },
    requests: [{ headers: [["x-inside", "1"]] }],
  },
  {
    name: "matching: no route at all",
    routes: [],
    requests: [
      {},
      { method: "POST", body: "x" },
      { method: "HEAD" },
      { method: "POST", headers: [["content-type", "application/grpc"]], body: "x" },
    ],
  },
  {
    name: "matching: headers with underscores are dropped",
    routes: [answer("seen", whenHeader("x_a", { present_match: true })), to("a")],
    manager: { common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" } },
    requests: [{ headers: [["x_a", "1"], ["x-b", "2"]] }],
  },
  {
    name: "matching: headers with underscores are rejected",
    routes: [to("a")],
    manager: { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } },
    requests: [{ headers: [["x_a", "1"]] }, { headers: [["x-a", "1"]] }],
  },
  {
    name: "matching: route names and response headers show the route taken",
    routes: [
      { name: "first", ...answer("1", { prefix: "/1" }), response_headers_to_add: [header("x-route", "%ROUTE_NAME%")] },
      { name: "second", ...to("a"), response_headers_to_add: [header("x-route", "%ROUTE_NAME%")] },
    ],
    requests: paths("/1", "/2"),
  },
];
