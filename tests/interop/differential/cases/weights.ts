import type { DifferentialCase } from "../case.ts";
import { header, to } from "../routes.ts";

const weighted = (weights: Readonly<Record<string, number>>, more = {}) => ({
  match: { prefix: "/" },
  route: {
    weighted_clusters: {
      clusters: Object.entries(weights).map(([name, weight]) => ({
        name,
        weight,
        request_headers_to_add: [header("x-to", name)],
        request_headers_to_remove: [`x-not-to-${name}`],
        response_headers_to_add: [header("x-from", name)],
      })),
      ...more,
    },
  },
});

/** What share of requests clusters get. */
export const WEIGHT_CASES: readonly DifferentialCase[] = [
  ...[{ a: 1, b: 99 }, { a: 50, b: 30, c: 20 }, { a: 1, b: 1, c: 1 }, { a: 7, b: 0, c: 3 }].map((weights) => ({
    name: `weights: ${JSON.stringify(weights)}`,
    routes: [weighted(weights)],
    requests: [{
      headers: [["x-not-to-a", "1"], ["x-not-to-b", "1"]] as const,
      times: 400,
      compare: "proportions" as const,
    }],
  })),
  {
    name: "weights: whose sum is not the total",
    routes: [weighted({ a: 1, b: 1 }, { total_weight: 100 })],
    requests: [{ times: 40, compare: "proportions" }],
  },
  {
    name: "weights: a number in a header chooses",
    routes: [weighted({ a: 3, b: 7 }, { header_name: "x-draw" })],
    requests: ["0", "2", "3", "9", "10", "13"].map((draw) => ({ headers: [["x-draw", draw]] as const })),
    refused: "alike",
  },
  {
    name: "weights: a share of requests by the match",
    routes: [to("a", { prefix: "/", runtime_fraction: { default_value: { numerator: 20 } } }), to("b")],
    requests: [{ times: 400, compare: "proportions" }],
  },
  {
    name: "weights: each attempt at the cluster that was chosen",
    routes: [{
      ...weighted({ a: 1, b: 1 }),
      route: { ...weighted({ a: 1, b: 1 }).route, retry_policy: { retry_on: "5xx", num_retries: 2 } },
    }],
    requests: [{ script: ["503", "503", "200"], times: 10, together: true, compare: "proportions" }],
  },
];
