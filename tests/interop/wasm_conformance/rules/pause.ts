import { int, type ModuleBuilder } from "../module_builder.ts";
import { MAP, rule, type RuleOptions, type WasmRule } from "../rule.ts";

const STREAM = { request: 0, response: 1 } as const;
const POST: RuleOptions = {
  requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }],
};
const ANSWERED: RuleOptions = { requests: [{ script: ["200 chunk:world"] }] };
const WITH_TRAILERS: RuleOptions = {
  requests: [{ method: "POST", chunks: ["hello"], trailers: [["x-t", "1"]], script: ["200 trailer:x-u=2"] }],
  backend: "h2",
  manager: { http_protocol_options: { enable_trailers: true } },
};
const ENDS = "(i32.eqz (local.get $b))";

/** Lets what `waits` counts go on with the next tick. */
function resumeByTick(m: ModuleBuilder, side: keyof typeof STREAM): { readonly wait: string } {
  const waits = m.global("waits");
  m.on("configure", [m.do("proxy_set_tick_period_milliseconds", 10)]);
  m.on("tick", [m.when(
    waits.get,
    waits.set(int(0)),
    m.try("effective", m.call("proxy_set_effective_context", "(global.get $stream)")),
    m.try("continue", m.call("proxy_continue_stream", STREAM[side])),
  )]);
  return { wait: waits.set(int(1)) };
}

/** Every callback of a direction, so that the trace shows which ones come. */
function observe(m: ModuleBuilder): void {
  for (const side of ["request", "response"] as const) {
    m.on(`${side}_body`, []);
    m.on(`${side}_trailers`, []);
  }
}

function headersRule(side: "request" | "response", code: number, options: RuleOptions): WasmRule {
  return rule(`pause: ${side} headers with code ${code}, continued by a tick`, (m) => {
    observe(m);
    m.on(`${side}_headers`, [resumeByTick(m, side).wait], int(code));
  }, options);
}

function bodyRule(side: "request" | "response", code: number): WasmRule {
  return rule(`pause: ${side} content with code ${code}, continued by a tick`, (m) => {
    observe(m);
    const { wait } = resumeByTick(m, side);
    // At its end: before, the next chunk would come anyway.
    m.on(`${side}_body`, [m.when("(local.get $b)", wait)], `(select ${int(code)} ${int(0)} (local.get $b))`);
  }, POST);
}

/** What is held back, what is shown meanwhile, and what lets it go. */
export const PAUSE_RULES: readonly WasmRule[] = [
  ...[1, 3, 4].flatMap((code) => [headersRule("request", code, ANSWERED), headersRule("response", code, {})]),
  ...[1, 4].flatMap((code) => [
    headersRule("request", code, { requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }] }),
  ]).map((it) => ({ ...it, name: `${it.name}, with content` })),
  ...[1, 2].flatMap((code) => [bodyRule("request", code), bodyRule("response", code)]),
  rule("pause: headers wait until the last content passes (allow_on_headers_stop_iteration)", (m) => {
    observe(m);
    m.on("request_headers", [], int(1));
    m.on("request_body", [m.when("(local.get $b)", m.add(MAP.request, "x-late", "1"))], ENDS);
    m.on("response_headers", [], int(1));
    m.on("response_body", [m.when("(local.get $b)", m.replace(MAP.response, ":status", "202"))], ENDS);
  }, { ...POST, plugin: { allow_on_headers_stop_iteration: true } }),
  rule("pause: the first content lets headers pass (allow_on_headers_stop_iteration)", (m) => {
    observe(m);
    m.on("request_headers", [], int(1));
    m.on("response_headers", [], int(1));
  }, { ...POST, plugin: { allow_on_headers_stop_iteration: true } }),
  rule("pause: trailers of a response, continued by a tick", (m) => {
    observe(m);
    m.on("response_trailers", [resumeByTick(m, "response").wait], int(1));
  }, WITH_TRAILERS),
  rule("pause: trailers of a request, continued by a tick", (m) => {
    observe(m);
    m.on("request_trailers", [resumeByTick(m, "request").wait], int(1));
  }, WITH_TRAILERS),
  rule("pause: content that was held back passes with the trailers", (m) => {
    observe(m);
    m.on("request_body", [], int(1));
    m.on("response_body", [], int(1));
  }, WITH_TRAILERS),
  rule("pause: continuing what is not held back does nothing", (m) => {
    m.on("request_headers", [m.try("continue", m.call("proxy_continue_stream", 0))]);
    m.on("response_headers", [m.try("continue", m.call("proxy_continue_stream", 1))]);
  }),
  rule("pause: continuing within the callback that pauses", (m) => {
    m.on("request_headers", [m.try("continue", m.call("proxy_continue_stream", 0))], int(1));
  }),
  rule("pause: streams of other types", (m) => {
    m.on("request_headers", [2, 3, 9].map((type) => m.try(`continue ${type}`, m.call("proxy_continue_stream", type))));
  }),
  rule("pause: a stream is closed at request headers", (m) => {
    m.on("request_headers", [m.try("close", m.call("proxy_close_stream", 0))], int(1));
  }),
  rule("pause: a stream is closed at response headers", (m) => {
    m.on("response_headers", [m.try("close", m.call("proxy_close_stream", 1))], int(1));
  }),
];
