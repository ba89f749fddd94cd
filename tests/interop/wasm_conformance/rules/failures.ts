import { int } from "../module_builder.ts";
import { MAP, rule, type RuleOptions, type WasmRule } from "../rule.ts";

const WITH_ALL: RuleOptions = {
  requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }, {
    path: "/second",
    script: ["200 chunk:world"],
  }],
  lastLine: /^trap/,
  lastLines: 1,
  pauseMs: 100,
};
const STAGES = [
  "request_headers",
  "request_body",
  "response_headers",
  "response_body",
  "log",
  "done",
  "delete",
] as const;
const POLICIES = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const;

/** A short pause, so that how long a VM has lived says nothing; one of 1 ms, which is halved, ends Envoy 1.40. */
const RELOAD_AT_ONCE = { reload_config: { backoff: { base_interval: "0.02s" } } };

/** Modules that fail. */
export const FAILURE_RULES: readonly WasmRule[] = [
  ...STAGES.flatMap((stage) =>
    POLICIES.map((policy) =>
      rule(`trap: in ${stage}, ${policy}`, (m) => {
        m.on("request_body", []);
        m.on("response_body", []);
        m.on(stage, [m.when("(i32.ne (local.get $id) (global.get $root))", m.say("trap"), "unreachable")]);
      }, { ...WITH_ALL, plugin: { failure_policy: policy, ...(policy === "FAIL_RELOAD" ? RELOAD_AT_ONCE : {}) } })
    )
  ),
  rule("trap: trailers of a response", (m) => m.on("response_trailers", [m.say("trap"), "unreachable"]), {
    ...WITH_ALL,
    requests: [{ script: ["200 trailer:x-t=1"] }],
    backend: "h2",
  }),
  rule("trap: by proc_exit", (m) => {
    m.extra = "";
    m.on("request_headers", [m.say("trap"), "(i32.store (i32.const -4) (i32.const 1))"]);
  }, WITH_ALL),
  rule("failure: on_configure refuses", (m) => m.on("configure", [], int(0)), { lastLines: 0 }),
  rule("failure: on_vm_start refuses", (m) => m.on("vm_start", [], int(0)), { lastLines: 0 }),
  rule("failure: on_configure refuses, FAIL_OPEN", (m) => m.on("configure", [], int(0)), {
    lastLines: 0,
    plugin: { failure_policy: "FAIL_OPEN" },
  }),
  rule("capabilities: a function that is not allowed", (m) => {
    m.on("request_headers", [m.get(MAP.request, ":path"), m.add(MAP.request, "x-a", "1")]);
  }, {
    plugin: {
      capability_restriction_config: {
        allowed_capabilities: Object.fromEntries(
          [
            "proxy_log",
            "proxy_get_header_map_value",
            "proxy_on_context_create",
            "proxy_on_request_headers",
            "proxy_on_memory_allocate",
            "proxy_on_delete",
          ].map((name) => [name, {}]),
        ),
      },
    },
  }),
];
