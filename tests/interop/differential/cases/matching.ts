import type { DifferentialCase } from "../case.ts";

/** Which virtual host and which route answers. */
export const MATCHING_CASES: readonly DifferentialCase[] = [
  {
    name: "matching: a prefix",
    routes: [
      { match: { prefix: "/a" }, route: { cluster: "a" } },
      { match: { prefix: "/b" }, direct_response: { status: 200, body: { inline_string: "b" } } },
    ],
    requests: [{ path: "/a/1?q" }, { path: "/b" }, { path: "/c" }, { method: "POST", path: "/a", body: "content" }],
  },
  {
    name: "matching: refused",
    routes: [{ match: { safe_regex: { regex: "(" } }, route: { cluster: "a" } }],
    requests: [{}],
    refused: true,
  },
  {
    name: "actions: weights",
    routes: [{
      match: { prefix: "/" },
      route: { weighted_clusters: { clusters: [{ name: "a", weight: 30 }, { name: "b", weight: 70 }] } },
    }],
    requests: [{ times: 200, compare: "proportions" }],
  },
];
