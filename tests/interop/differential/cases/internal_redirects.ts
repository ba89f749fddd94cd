import type { CaseRequest, DifferentialCase, JsonObject } from "../case.ts";
import { answer, header, to, typed } from "../routes.ts";

const PREDICATES = "envoy.extensions.internal_redirect";

/** A route whose redirects are followed here. */
function following(policy: JsonObject, more: JsonObject = {}): JsonObject {
  return { name: "start", ...to("a", { prefix: "/start" }, { internal_redirect_policy: policy, ...more }) };
}

const TARGETS: readonly JsonObject[] = [
  { name: "next", ...to("b", { prefix: "/next" }, { internal_redirect_policy: {} }) },
  { name: "other", ...to("c", { prefix: "/other" }) },
  answer("direct", { prefix: "/direct" }),
];

function redirected(location: string, more: Partial<CaseRequest> = {}, status = 302): CaseRequest {
  return { path: "/start?q=1", script: [`${status} location=${location}`, "200"], ...more };
}

/** Internal redirects. */
export const INTERNAL_REDIRECT_CASES: readonly DifferentialCase[] = [
  {
    name: "internal redirects: where they lead",
    routes: [following({}), ...TARGETS],
    requests: [
      redirected("http://test.example/next"),
      redirected("http://test.example/other?x=y"),
      redirected("http://test.example/direct"),
      redirected("http://elsewhere.example:81/next#part"),
      redirected("http://test.example"),
      redirected("http://test.example/none"),
      redirected("/next"),
      redirected("next"),
      redirected("https://test.example/next"),
      redirected("HTTP://test.example/next"),
      redirected("ftp://test.example/next"),
      { path: "/start", script: ["302", "200"] },
      { path: "/start", script: ["200"] },
    ],
  },
  {
    name: "internal redirects: which statuses",
    routes: [following({ redirect_response_codes: [301, 303, 307, 308] }), ...TARGETS],
    requests: [301, 302, 303, 307, 308].map((status) => redirected("http://test.example/next", {}, status)),
  },
  {
    name: "internal redirects: content, and 303",
    routes: [following({ redirect_response_codes: [302, 303, 307] }), ...TARGETS],
    requests: [302, 303, 307].flatMap((status) =>
      (["POST", "PUT", "HEAD"] as const).map((method) =>
        redirected("http://test.example/next", { method, ...(method === "HEAD" ? {} : { body: "content" }) }, status)
      )
    ),
  },
  {
    name: "internal redirects: content beyond the limit",
    routes: [{ ...following({}), per_request_buffer_limit_bytes: 4 }, ...TARGETS],
    requests: ["1234", "12345"].map((body) => redirected("http://test.example/next", { method: "POST", body })),
  },
  ...[1, 2, 3].map((max_internal_redirects): DifferentialCase => ({
    name: `internal redirects: at most ${max_internal_redirects}`,
    routes: [
      following({ max_internal_redirects }),
      to("b", { prefix: "/next" }, { internal_redirect_policy: { max_internal_redirects } }),
    ],
    requests: [{
      path: "/start",
      script: ["a", "b", "c", "d"].map((step) => `302 location=http://test.example/next/${step}`),
    }],
  })),
  {
    name: "internal redirects: across schemes",
    routes: [
      following({ allow_cross_scheme_redirect: true }),
      {
        name: "safe",
        ...to("a", { prefix: "/safe" }, {
          internal_redirect_policy: {
            allow_cross_scheme_redirect: true,
            predicates: [
              typed("safe", `${PREDICATES}.safe_cross_scheme.v3.SafeCrossSchemeConfig`),
            ],
          },
        }),
      },
      ...TARGETS,
    ],
    requests: [
      redirected("https://test.example/next"),
      redirected("https://test.example/next", { path: "/safe" }),
      redirected("http://test.example/next", { path: "/safe" }),
    ],
  },
  {
    name: "internal redirects: routes by name",
    routes: [
      following({
        predicates: [
          typed("listed", `${PREDICATES}.allow_listed_routes.v3.AllowListedRoutesConfig`, {
            allowed_route_names: ["next"],
          }),
        ],
      }),
      ...TARGETS,
    ],
    requests: [redirected("http://test.example/next"), redirected("http://test.example/other")],
  },
  {
    name: "internal redirects: no route twice",
    routes: [
      following({
        max_internal_redirects: 5,
        predicates: [typed("previous", `${PREDICATES}.previous_routes.v3.PreviousRoutesConfig`)],
      }),
      ...TARGETS,
    ],
    requests: [{
      path: "/start",
      script: ["302 location=http://test.example/start/2", "302 location=http://test.example/start/3", "200"],
    }],
  },
  {
    name: "internal redirects: headers of the answer go along",
    routes: [
      following({ response_headers_to_copy: ["X-Copy", "x-gone"] }),
      ...TARGETS,
    ],
    requests: [
      {
        path: "/start",
        headers: [["x-copy", "old"], ["x-gone", "old"]],
        script: ["302 location=http://test.example/next x-copy=new x-not=1", "200"],
      },
    ],
  },
  {
    name: "internal redirects: what the first route has changed stays",
    routes: [
      {
        ...following({}, { prefix_rewrite: "/rewritten", host_rewrite_literal: "rewritten.example" }),
        request_headers_to_add: [header("x-first", "1")],
        response_headers_to_add: [header("x-first-answer", "1")],
      },
      {
        ...to("b", { prefix: "/next" }),
        request_headers_to_add: [header("x-second", "%REQ(:PATH)%")],
        response_headers_to_add: [header("x-second-answer", "1")],
      },
    ],
    requests: [redirected("http://test.example/next")],
  },
  {
    name: "internal redirects: after retries, and retries after",
    virtualHosts: [{
      name: "all",
      domains: ["*"],
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
      retry_policy: {
        retry_on: "5xx",
        num_retries: 1,
        retry_back_off: { base_interval: "0.001s", max_interval: "0.002s" },
      },
      routes: [following({}), ...TARGETS],
    }],
    requests: [
      { path: "/start", script: ["503", "302 location=http://test.example/next", "503", "200"] },
      { path: "/start", method: "POST", body: "x", script: ["503", "302 location=http://test.example/next", "503"] },
    ],
  },
  {
    name: "internal redirects: filters run again",
    httpFilters: [
      typed("envoy.filters.http.header_mutation", "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
        mutations: {
          request_mutations: [{ append: { header: { key: "x-passed", value: "1" } } }],
          response_mutations: [{ append: { header: { key: "x-passed-back", value: "1" } } }],
        },
      }),
    ],
    routes: [following({}), ...TARGETS],
    requests: [redirected("http://test.example/next")],
  },
  {
    name: "internal redirects: the deprecated form",
    routes: [
      to("a", { prefix: "/start" }, {
        internal_redirect_action: "HANDLE_INTERNAL_REDIRECT",
        max_internal_redirects: 1,
      }),
      ...TARGETS,
    ],
    requests: [redirected("http://test.example/next")],
  },
];
