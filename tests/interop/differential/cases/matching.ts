import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, header, named, to, typed, whenHeader } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));
const hosts = (...authorities: string[]) => authorities.map((authority) => ({ authority }));
const values = (
  name: string,
  ...values: string[]
) => [{}, ...values.map((value) => ({ headers: [[name, value]] as const }))];

/** One condition on `x-h`: the route behind it takes the rest. */
function onHeader(what: string, matcher: JsonObject, ...given: string[]): DifferentialCase {
  return {
    name: `matching: header ${what}`,
    routes: [answer("yes", whenHeader("x-h", matcher)), answer("no")],
    requests: [...values("x-h", ...given), { headers: [["x-h", given[0]!], ["x-h", given.at(-1)!]] }],
  };
}

/** One condition on the path. */
function onPath(what: string, match: JsonObject, ...given: string[]): DifferentialCase {
  return {
    name: `matching: path ${what}`,
    routes: [answer("yes", match), answer("no")],
    requests: paths(...given),
  };
}

const TEMPLATE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const template = (path_template: string) => ({
  path_match_policy: typed("envoy.path.match.uri_template.uri_template_matcher", TEMPLATE, { path_template }),
});

const HOSTS = [
  named("exact", ["www.example.com"]),
  named("with port", ["www.example.com:8080"]),
  named("suffix", ["*.example.com"]),
  named("longer suffix", ["*.b.example.com"]),
  named("dashed suffix", ["*-x.example.com"]),
  named("prefix", ["www.*"]),
  named("longer prefix", ["www.example.*"]),
  named("v6", ["[::1]"]),
  named("v6 with port", ["[::1]:80"]),
];

const HOST_REQUESTS = hosts(
  "www.example.com",
  "WWW.Example.COM",
  "www.example.com:8080",
  "www.example.com:81",
  "www.example.com.",
  "a.example.com",
  "a.b.example.com",
  ".example.com",
  "example.com",
  "foo-x.example.com",
  "-x.example.com",
  "www.other.org",
  "www.example.org",
  "www.",
  "a.example.com:8080",
  "other.org",
  "[::1]",
  "[::1]:80",
  "[::1]:81",
  "test.example:{port}",
);

const VIRTUAL_HOSTS: readonly DifferentialCase[] = [
  { name: "matching: order of virtual hosts", virtualHosts: HOSTS, requests: HOST_REQUESTS },
  {
    name: "matching: order of virtual hosts with any",
    virtualHosts: [named("any", ["*"]), ...HOSTS],
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: ports of hosts are ignored",
    virtualHosts: [named("any", ["*"]), ...HOSTS],
    routeConfig: { ignore_port_in_host_matching: true },
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: any port is stripped",
    virtualHosts: [{ name: "all", domains: ["www.example.com"], routes: [to("a")] }, ...HOSTS.slice(1)],
    manager: { strip_any_host_port: true },
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: the listener's own port is stripped",
    routes: [to("a")],
    manager: { strip_matching_host_port: true },
    requests: hosts("test.example:{port}", "test.example:81", "test.example", "[::1]:{port}"),
  },
  {
    name: "matching: a trailing dot of the host is stripped",
    routes: [to("a")],
    manager: { strip_trailing_host_dot: true },
    requests: hosts("test.example.", "test.example.:8080", "test.example", "test.example..", "."),
  },
  {
    name: "matching: a virtual host without the route does not fall through to the next",
    virtualHosts: [
      { name: "one", domains: ["test.example"], routes: [answer("one", { prefix: "/one" })] },
      named("any", ["*"]),
    ],
    requests: paths("/one", "/two"),
  },
  {
    name: "matching: a virtual host without routes",
    virtualHosts: [{ name: "one", domains: ["test.example"] }, named("any", ["*"])],
    requests: [{}, { authority: "other" }],
  },
  {
    name: "matching: two virtual hosts with one domain are refused",
    virtualHosts: [named("one", ["x.com"]), named("two", ["X.com"])],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: two virtual hosts with any domain are refused",
    virtualHosts: [named("one", ["*"]), named("two", ["*"])],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: two virtual hosts of one name",
    virtualHosts: [named("one", ["x.com"]), named("one", ["y.com"])],
    requests: [{}],
    refused: "alike",
  },
  {
    name: "matching: a star within a domain",
    virtualHosts: [named("one", ["a.*.com"])],
    requests: hosts("a.b.com", "a.*.com"),
  },
  {
    name: "matching: TLS is required of all",
    virtualHosts: [named("all", ["*"], { require_tls: "ALL" })],
    requests: [
      { authority: "test.example:8080", path: "/a?b=c" },
      { headers: [["x-forwarded-proto", "https"]] },
      { method: "POST", body: "x" },
    ],
  },
  {
    name: "matching: TLS is required of external requests",
    virtualHosts: [named("all", ["*"], { require_tls: "EXTERNAL_ONLY" })],
    requests: [{}, { headers: [["x-envoy-internal", "true"]] }, { headers: [["x-forwarded-for", "10.0.0.1"]] }],
  },
];

const PATHS: readonly DifferentialCase[] = [
  onPath("prefix", { prefix: "/a" }, "/a", "/ab", "/a/b", "/A", "/", "/b", "/a?x", "/a#x", "//a", "/a%2fb"),
  onPath("prefix in any case", { prefix: "/aB", case_sensitive: false }, "/ab", "/ABC", "/a", "/Ab/c?D"),
  onPath("prefix /", { prefix: "/" }, "/", "/a"),
  onPath("empty prefix", { prefix: "" }, "/", "/a"),
  onPath(
    "exact",
    { path: "/a/b" },
    "/a/b",
    "/a/b/",
    "/a/b?c=d",
    "/a/b#c",
    "/a",
    "/A/b",
    "/a/./b",
    "/a/c/../b",
    "/a//b",
  ),
  onPath("exact in any case", { path: "/A/b", case_sensitive: false }, "/a/B", "/A/b", "/a/c"),
  onPath("regex", { safe_regex: { regex: "/[a-c]+/\\d{2}" } }, "/abc/12", "/abc/123", "/d/12", "/a/12?x=1", "/x/a/12"),
  onPath("regex with alternatives", { safe_regex: { regex: "/(foo|bar).*" } }, "/foo", "/bar/x", "/baz", "/x/foo"),
  onPath(
    "regex is greedy and whole",
    { safe_regex: { regex: ".*\\.(css|js)" } },
    "/a.css",
    "/a.css/b",
    "/a.js?b",
    "/a.jsx",
  ),
  onPath("regex ignores case_sensitive", { safe_regex: { regex: "/ab" }, case_sensitive: false }, "/ab", "/AB"),
  onPath("regex with flags", { safe_regex: { regex: "(?i)/ab" } }, "/ab", "/AB"),
  onPath("regex with anchors", { safe_regex: { regex: "^/ab$" } }, "/ab", "/abc"),
  onPath("regex of literal text", { safe_regex: { regex: "/a\\.b" } }, "/a.b", "/acb"),
  onPath("separated prefix", { path_separated_prefix: "/a" }, "/a", "/a/", "/a/b", "/ab", "/a?b", "/a#b", "/A", "/b/a"),
  onPath(
    "separated prefix in any case",
    { path_separated_prefix: "/aB/c", case_sensitive: false },
    "/AB/C/d",
    "/ab/cd",
  ),
  onPath("template with a star", template("/a/*/c"), "/a/b/c", "/a/b/d/c", "/a//c", "/a/b/c/", "/a/b/c?x", "/a/%20/c"),
  onPath("template with two stars", template("/a/**"), "/a/b/c", "/a/", "/a", "/a/b.css", "/ab"),
  onPath("template with variables", template("/{one}/x/{two=**}"), "/1/x/2/3", "/1/y/2", "/1/x", "/1/x/"),
  onPath("template with patterns", template("/{lang=*}/docs/{file=**}.html"), "/en/docs/a/b.html", "/en/docs/a.htm"),
  {
    name: "matching: CONNECT matches no ordinary request",
    routes: [answer("connect", { connect_matcher: {} }), answer("no")],
    requests: [{}, { method: "POST", body: "" }],
  },
  {
    name: "matching: paths are normalised before they are matched",
    routes: [to("a", { prefix: "/a" }), to("b", { path: "/b" }), answer("no")],
    requests: paths(
      "/x/../a",
      "/./b",
      "/%62",
      "/a/%2e%2e/b",
      "/a\\b",
      "/b/..",
      "/b/.",
      "/%2fa",
      "/a/../../b",
      "/a%",
      "/a%zz",
    ),
  },
  {
    name: "matching: paths are left alone without normalize_path",
    routes: [to("a", { prefix: "/a" }), to("b", { path: "/b" }), answer("no")],
    manager: { normalize_path: false },
    requests: paths("/x/../a", "/./b", "/%62", "/a/%2e%2e/b", "/a\\b", "/a/../b", "/a%zz"),
  },
  {
    name: "matching: slashes are merged",
    routes: [to("a", { prefix: "/a/b" }), answer("no")],
    manager: { merge_slashes: true },
    requests: paths("/a//b", "//a/b", "/a///b//c?x=//y", "/a/b//", "/a/b"),
  },
  {
    name: "matching: escaped slashes are kept",
    routes: [to("a", { prefix: "/a/b" }), to("b")],
    manager: { path_with_escaped_slashes_action: "KEEP_UNCHANGED" },
    requests: paths("/a%2Fb", "/a%2fb", "/a%5Cb", "/a/b"),
  },
  {
    name: "matching: escaped slashes are rejected",
    routes: [to("a", { prefix: "/a/b" }), to("b")],
    manager: { path_with_escaped_slashes_action: "REJECT_REQUEST" },
    requests: paths("/a%2Fb", "/a%2fb", "/a%5Cb", "/a/b", "/a/b?x=%2F"),
  },
  {
    name: "matching: escaped slashes are unescaped and redirected",
    routes: [to("a", { prefix: "/a/b" }), to("b")],
    manager: { path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" },
    requests: paths("/a%2Fb", "/a%2fb?x=%2F", "/a%5Cb", "/a/b"),
  },
  {
    name: "matching: escaped slashes are unescaped and forwarded",
    routes: [to("a", { prefix: "/a/b" }), to("b")],
    manager: { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD", merge_slashes: true },
    requests: paths("/a%2Fb", "/a%2f%2Fb?x=%2F", "/a%5Cb", "/a/b", "/a%2F..%2Fb"),
  },
  {
    name: "matching: the first route that matches wins",
    routes: [
      answer("1", { prefix: "/a/b" }),
      answer("2", { prefix: "/a" }),
      answer("3", { path: "/a/b" }),
      answer("4"),
    ],
    requests: paths("/a/b", "/a/c", "/a", "/", "/b"),
  },
  {
    name: "matching: a bad path expression is refused",
    routes: [answer("no", { safe_regex: { regex: "(" } })],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: an expression with look-ahead is refused",
    routes: [answer("no", { safe_regex: { regex: "/(?=a)" } })],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: a separated prefix with a slash at its end is refused",
    routes: [answer("no", { path_separated_prefix: "/a/" })],
    requests: [{}],
    refused: true,
  },
  ...[
    "/a/{b}{b}",
    "/**/a",
    "a",
    "/{b=**}/c",
    "/*/*/{x=*/b}",
    "/{a}-{b}",
    "/{1a}",
    "/{aaaaaaaaaaaaaaaaa}",
    "/{a=}",
    "/a*",
    "/{a}/{b}/{c}/{d}/{e}/{f}",
    "/**.css",
    "/{a=**}.css",
    "/{a=b*}",
    "/*.css",
    "/*-*",
    "/a/",
    "/{a=b/*}",
    "/a.b*",
    "/x{a}.css",
    "/**a",
    "/{a}/",
    "/{a=**}/b",
    "/(a)",
    "/a+",
    "/a?b",
    "/a//b",
    "/{a",
    "/a}",
    "/",
    "/é",
    "/{a=*}/{b=*}/{c=*}/{d=*}/{e=*}",
  ].map((text) => ({
    name: `matching: template ${text}`,
    routes: [answer("yes", template(text)), answer("no")],
    refused: "alike" as const,
    requests: paths("/", "/a", "/a/b", "/a/b/c/d/e", "/x.css", "/a/b/b", "/1-2", "/a*"),
  })),
];

const HEADERS: readonly DifferentialCase[] = [
  onHeader("exact", { string_match: { exact: "a" } }, "a", "A", "ab", "", "a,a", "b"),
  onHeader("exact in any case", { string_match: { exact: "aB", ignore_case: true } }, "AB", "ab", "abc"),
  onHeader("exact of an empty value", { string_match: { exact: "" } }, "", "a"),
  onHeader("prefix", { string_match: { prefix: "a" } }, "a", "abc", "ba", "A"),
  onHeader("prefix in any case", { string_match: { prefix: "aB", ignore_case: true } }, "ABc", "ab", "a"),
  onHeader("suffix", { string_match: { suffix: "a" } }, "a", "cba", "ab"),
  onHeader("contains", { string_match: { contains: "b" } }, "abc", "b", "ac"),
  onHeader("contains in any case", { string_match: { contains: "B", ignore_case: true } }, "abc", "ABC", "ac"),
  onHeader("regex", { string_match: { safe_regex: { regex: "a+|b" } } }, "aaa", "b", "ab", "c"),
  onHeader("regex of anything", { string_match: { safe_regex: { regex: ".*" } } }, "a", "", "b c"),
  onHeader("regex of something", { string_match: { safe_regex: { regex: ".+" } } }, "a", "", "b c"),
  onHeader(
    "range",
    { range_match: { start: -10, end: 10 } },
    "-10",
    "9",
    "10",
    "0",
    "+5",
    "x",
    "5.0",
    "",
    " 5",
    "0x5",
    "05",
    "5a",
  ),
  onHeader("range of one", { range_match: { start: 5, end: 6 } }, "5", "6", "4"),
  onHeader("range that is empty", { range_match: { start: 5, end: 5 } }, "5"),
  onHeader("present", { present_match: true }, "a", ""),
  onHeader("absent", { present_match: false }, "a", ""),
  onHeader("present, inverted", { present_match: true, invert_match: true }, "a"),
  onHeader("absent, inverted", { present_match: false, invert_match: true }, "a"),
  onHeader("without a condition", {}, "a", ""),
  onHeader("without a condition, inverted", { invert_match: true }, "a"),
  onHeader("exact, inverted", { string_match: { exact: "a" }, invert_match: true }, "a", "b"),
  onHeader("regex, inverted", { string_match: { safe_regex: { regex: "a+" } }, invert_match: true }, "aa", "b"),
  onHeader("range, inverted", { range_match: { start: 1, end: 3 }, invert_match: true }, "2", "5", "x"),
  onHeader("empty where missing", { string_match: { exact: "" }, treat_missing_header_as_empty: true }, "", "a"),
  onHeader(
    "exact, inverted, empty where missing",
    {
      string_match: { exact: "a" },
      invert_match: true,
      treat_missing_header_as_empty: true,
    },
    "a",
    "b",
  ),
  onHeader(
    "regex, empty where missing",
    {
      string_match: { safe_regex: { regex: "a*" } },
      treat_missing_header_as_empty: true,
    },
    "a",
    "b",
  ),
  onHeader("present, empty where missing", { present_match: true, treat_missing_header_as_empty: true }, "a"),
  onHeader("absent, empty where missing", { present_match: false, treat_missing_header_as_empty: true }, "a"),
  onHeader(
    "range, empty where missing",
    {
      range_match: { start: 0, end: 1 },
      treat_missing_header_as_empty: true,
    },
    "0",
    "1",
  ),
  onHeader("exact, old form", { exact_match: "a" }, "a", "b"),
  onHeader("prefix, old form", { prefix_match: "a" }, "ab", "b"),
  onHeader("suffix, old form", { suffix_match: "a" }, "ba", "b"),
  onHeader("contains, old form", { contains_match: "a" }, "bab", "b"),
  onHeader("regex, old form", { safe_regex_match: { regex: "a|b" } }, "b", "c"),
  {
    name: "matching: all headers must match",
    routes: [
      answer("both", {
        prefix: "/",
        headers: [{ name: "x-a", string_match: { exact: "1" } }, { name: "X-B", string_match: { exact: "2" } }],
      }),
      answer("no"),
    ],
    requests: [
      { headers: [["x-a", "1"], ["x-b", "2"]] },
      { headers: [["x-a", "1"]] },
      { headers: [["x-b", "2"]] },
      { headers: [["x-a", "1"], ["x-b", "2"], ["x-b", "2"]] },
    ],
  },
  {
    name: "matching: pseudo headers",
    routes: [
      answer("post", whenHeader(":method", { string_match: { exact: "POST" } })),
      answer("path", whenHeader(":path", { string_match: { exact: "/p?q=1" } })),
      answer("scheme", { prefix: "/s", headers: [{ name: ":scheme", string_match: { exact: "http" } }] }),
      answer("authority", whenHeader(":authority", { string_match: { prefix: "auth." } })),
      answer("host", whenHeader("host", { string_match: { prefix: "host." } })),
      answer("no"),
    ],
    requests: [
      { method: "POST", body: "x" },
      { path: "/p?q=1" },
      { path: "/p?q=2" },
      { path: "/s" },
      { authority: "auth.example" },
      { authority: "host.example" },
      { method: "DELETE" },
      { method: "PATCH", body: "x" },
    ],
  },
  {
    name: "matching: cookies are a header",
    routes: [
      answer("b", whenHeader("cookie", { string_match: { safe_regex: { regex: "^(.*?;)?(user=b)(;.*)?$" } } })),
      answer("no"),
    ],
    requests: [
      { headers: [["cookie", "user=b"]] },
      { headers: [["cookie", "x=y;user=b;z=1"]] },
      { headers: [["cookie", "x=y; user=b"]] },
      { headers: [["cookie", "user=bb"]] },
      {},
    ],
  },
  {
    name: "matching: bytes that are not ASCII",
    routes: [
      answer("exact", whenHeader("x-h", { string_match: { exact: "é" } })),
      answer("two bytes", whenHeader("x-h", { string_match: { safe_regex: { regex: ".." } } })),
      answer("no"),
    ],
    requests: values("x-h", "\u00c3\u00a9", "\u00e9\u00e9", "\u00e9"),
  },
  {
    name: "matching: spaces around values do not count",
    routes: [answer("yes", whenHeader("x-h", { string_match: { exact: "a b" } })), answer("no")],
    requests: values("x-h", "a b", "a  b"),
  },
  {
    name: "matching: a bad header expression is refused",
    routes: [answer("no", whenHeader("x-h", { string_match: { safe_regex: { regex: "[" } } }))],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: a range that ends before it starts",
    routes: [answer("no", whenHeader("x-h", { range_match: { start: 5, end: 4 } }))],
    requests: [{}],
  },
];

const twice = (name: string, ...given: string[]) => ({ headers: given.map((value) => [name, value] as const) });

/** A condition on a header that comes more than once. */
function onRepeated(what: string, matcher: JsonObject, name = "x-h"): DifferentialCase {
  return {
    name: `matching: repeated header ${what}`,
    routes: [answer("yes", whenHeader(name, matcher)), answer("no")],
    requests: [["a", "b"], ["b", "a"], ["b", "c"], ["a", "a"], ["", "b"], ["b", ""], ["a,b"], ["a, b"], ["", ""]]
      .map((given) => twice(name, ...given)),
  };
}

const REPEATED: readonly DifferentialCase[] = [
  onRepeated("exact", { string_match: { exact: "a" } }),
  onRepeated("exact of both", { string_match: { exact: "a,b" } }),
  onRepeated("exact of both with a space", { string_match: { exact: "a, b" } }),
  onRepeated("exact, inverted", { string_match: { exact: "a" }, invert_match: true }),
  onRepeated("exact of both, inverted", { string_match: { exact: "a,b" }, invert_match: true }),
  onRepeated("prefix", { string_match: { prefix: "b" } }),
  onRepeated("suffix", { string_match: { suffix: "a" } }),
  onRepeated("contains of a comma", { string_match: { contains: "," } }),
  onRepeated("contains of a comma, inverted", { string_match: { contains: "," }, invert_match: true }),
  onRepeated("regex", { string_match: { safe_regex: { regex: "b.*" } } }),
  onRepeated("regex of both", { string_match: { safe_regex: { regex: ".,." } } }),
  onRepeated("exact of nothing", { string_match: { exact: "" } }),
  onRepeated("exact of a, empty where missing", { string_match: { exact: "a" }, treat_missing_header_as_empty: true }),
  onRepeated("exact of both, empty where missing", {
    string_match: { exact: "a,b" },
    invert_match: true,
    treat_missing_header_as_empty: true,
  }),
  onRepeated("present", { present_match: true }),
  onRepeated("accept", { string_match: { exact: "a" } }, "accept"),
  onRepeated("accept of both", { string_match: { exact: "a,b" } }, "accept"),
  onRepeated("cookie", { string_match: { exact: "a" } }, "cookie"),
  onRepeated("cookie of both", { string_match: { exact: "a; b" } }, "cookie"),
  onRepeated("cookie of both with a comma", { string_match: { exact: "a,b" } }, "cookie"),
  {
    name: "matching: repeated header in a range",
    routes: [answer("yes", whenHeader("x-h", { range_match: { start: 1, end: 3 } })), answer("no")],
    requests: [twice("x-h", "1", "5"), twice("x-h", "5", "2"), twice("x-h", "5", "6")],
  },
];

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

const REST: readonly DifferentialCase[] = [
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

/** Which virtual host and which route answers. */
export const MATCHING_CASES: readonly DifferentialCase[] = [
  ...VIRTUAL_HOSTS,
  ...PATHS,
  ...HEADERS,
  ...REPEATED,
  ...REST,
];
