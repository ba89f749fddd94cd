import type { DifferentialCase, JsonObject } from "../case.ts";
import { answer, whenHeader } from "../routes.ts";

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

const SINGLE: readonly DifferentialCase[] = [
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

/** Which headers match. */
export const HEADER_MATCHING_CASES: readonly DifferentialCase[] = [...SINGLE, ...REPEATED];
