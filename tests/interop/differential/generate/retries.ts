import { seededRandom } from "../../../support/seeded_random.ts";
import type { CaseRequest, DifferentialCase, JsonObject } from "../case.ts";
import { header, to, typed } from "../routes.ts";

const CASES = 60;
const CONDITIONS = [
  ...["5xx", "gateway-error", "reset", "connect-failure", "envoy-ratelimited", "retriable-4xx", "refused-stream"],
  ...["retriable-status-codes", "retriable-headers", "reset-before-request", "cancelled", "deadline-exceeded"],
  ...["internal", "resource-exhausted", "unavailable", "http3-post-connect-failure", "nonsense"],
];
const STEPS = [
  ...["200", "204", "302", "400", "404", "408", "409", "418", "425", "429", "500", "501", "502", "503", "504", "507"],
  ...["429 x-envoy-ratelimited=true", "503 x-envoy-ratelimited=true", "200 x-again=1", "404 x-again=2"],
  ...["200 grpc-status=0", "200 grpc-status=1", "200 grpc-status=4", "200 grpc-status=8", "200 grpc-status=13"],
  ...["200 grpc-status=14", "503 grpc-status=14", "reset", "302 location=http://test.example/other"],
];
const METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"];
const HEADERS: readonly (readonly [string, string])[] = [
  ["x-safe", "1"],
  ["x-envoy-retry-on", "5xx"],
  ["x-envoy-max-retries", "4"],
  ["x-envoy-upstream-rq-timeout-ms", "60000"],
  ["x-envoy-attempt-count", "9"],
  ["early-data", "1"],
];

/** Retry policies and redirect policies at random, and upstreams that do anything. */
export function generateRetryCases(seed: number): DifferentialCase[] {
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const one = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const some = <T>(of: readonly T[], most: number): T[] => Array.from({ length: below(most + 1) }, () => one(of));
  const chance = (part: number) => random() < part;

  const policy = (): JsonObject => ({
    retry_on: some(CONDITIONS, 4).join(","),
    ...(chance(0.8) ? { num_retries: below(4) } : {}),
    ...(chance(0.4) ? { retriable_status_codes: some([404, 409, 418, 425, 503, 507], 3) } : {}),
    ...(chance(0.3)
      ? {
        retriable_headers: [
          chance(0.5)
            ? { name: "x-again", string_match: { exact: "1" } }
            : { name: "x-again", present_match: true, invert_match: chance(0.3) },
        ],
      }
      : {}),
    ...(chance(0.2)
      ? {
        retriable_request_headers: [
          chance(0.5)
            ? { name: ":method", string_match: { safe_regex: { regex: "GET|PUT|HEAD" } } }
            : { name: "x-safe", present_match: true },
        ],
      }
      : {}),
    retry_back_off: { base_interval: "0.001s", max_interval: "0.002s" },
  });

  const redirects = (): JsonObject => ({
    internal_redirect_policy: {
      ...(chance(0.5) ? { max_internal_redirects: below(3) } : {}),
      ...(chance(0.5) ? { redirect_response_codes: some([301, 302, 303, 307], 3) } : {}),
      ...(chance(0.3)
        ? {
          predicates: [
            typed("previous", "envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig"),
          ],
        }
        : {}),
    },
  });

  const route = (match: JsonObject, name: string): JsonObject => ({
    ...to("a", match, {
      timeout: one(["0s", "5s", "7s"]),
      ...(chance(0.7) ? { retry_policy: policy() } : {}),
      ...(chance(0.4) ? redirects() : {}),
      ...(chance(0.2) ? { prefix_rewrite: "/rewritten" } : {}),
    }),
    name,
    ...(chance(0.2) ? { per_request_buffer_limit_bytes: one([0, 4, 8, 100]) } : {}),
    ...(chance(0.3)
      ? {
        request_headers_to_add: [
          one([
            header("x-envoy-retry-on", "gateway-error"),
            header("x-route", name),
            header("x-envoy-max-retries", "1"),
          ]),
        ],
      }
      : {}),
  });

  const request = (): CaseRequest => {
    const method = one(METHODS);
    return {
      method,
      path: one(["/", "/own", "/own?q=1"]),
      headers: [
        ...(chance(0.3) ? [["content-type", "application/grpc"]] as const : []),
        ...new Map(some(HEADERS, 2)),
      ],
      ...(method !== "HEAD" && method !== "GET" && chance(0.6)
        ? { body: one(["", "abc", "abcdefgh", "long content"]) }
        : {}),
      script: [...some(STEPS, 4), one(STEPS)],
    };
  };

  return Array.from({ length: CASES }, (_, index): DifferentialCase => ({
    name: `generated retries ${seed}.${index}`,
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      ...(chance(0.5) ? { retry_policy: policy() } : {}),
      include_request_attempt_count: chance(0.7),
      include_attempt_count_in_response: chance(0.3),
      ...(chance(0.1) ? { per_request_buffer_limit_bytes: 6 } : {}),
      routes: [route({ prefix: "/own" }, "own"), route({ prefix: "/" }, "rest")],
    }],
    requests: Array.from({ length: 6 }, request),
  }));
}
