import { GIVEN, int, type ModuleBuilder, OUT } from "../module_builder.ts";
import { ALL, BUFFER, rule, type RuleOptions, type WasmRule } from "../rule.ts";

const END = "(local.get $b)";
const HELLO: RuleOptions = { requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }] };
const SEVERAL: RuleOptions = {
  requests: [{ method: "POST", chunks: ["one-", "two-", "three"], script: ["200 chunk:four- chunk:five- chunk:six"] }],
};
const SIDES = [["request_body", BUFFER.request], ["response_body", BUFFER.response]] as const;
const PASS = int(0);
const BUFFER_UNTIL_END = `(i32.eqz ${END})`;

/** The same for both directions, in each callback that has content. */
function both(write: (m: ModuleBuilder, type: number) => readonly string[], result = PASS) {
  return (m: ModuleBuilder) => {
    for (const [name, type] of SIDES) {
      m.on(name, [m.when("(i32.gt_s (local.get $a) (i32.const 0))", ...write(m, type))], result);
    }
  };
}

const status = (m: ModuleBuilder, type: number) =>
  m.try(
    "status",
    m.call("proxy_get_buffer_status", type, OUT.data, OUT.size),
    { num: "(i32.load (i32.const 64))" },
    " ",
    { num: "(i32.load (i32.const 68))" },
  );

/** Content: reading, editing, buffering. */
export const BUFFER_RULES: readonly WasmRule[] = [
  rule("buffers: read whole", both((m, type) => [m.buffer(type, 0, ALL)]), HELLO),
  rule("buffers: read parts", both((m, type) => [m.buffer(type, 1, 3), m.buffer(type, 4, 99)]), HELLO),
  rule("buffers: read at and beyond the end", both((m, type) => [m.buffer(type, 5, 1), m.buffer(type, 99, 1)]), HELLO),
  rule("buffers: read nothing", both((m, type) => [m.buffer(type, 2, 0)]), HELLO),
  rule("buffers: length and flags", both((m, type) => [status(m, type)]), HELLO),
  rule("buffers: prepend", both((m, type) => [m.setBuffer(type, 0, 0, ">>"), m.buffer(type, 0, ALL)]), HELLO),
  rule("buffers: append", both((m, type) => [m.setBuffer(type, 5, 0, "<<"), m.buffer(type, 0, ALL)]), HELLO),
  rule("buffers: append far beyond the end", both((m, type) => [m.setBuffer(type, 99, 0, "<<")]), HELLO),
  rule("buffers: replace all", both((m, type) => [m.setBuffer(type, 0, ALL, "other"), status(m, type)]), HELLO),
  rule("buffers: replace all, by the exact length", both((m, type) => [m.setBuffer(type, 0, 5, "another")]), HELLO),
  rule("buffers: drop all", both((m, type) => [m.setBuffer(type, 0, ALL, ""), status(m, type)]), HELLO),
  rule("buffers: replace a part in the middle", both((m, type) => [m.setBuffer(type, 1, 2, "-")]), HELLO),
  rule("buffers: replace the beginning", both((m, type) => [m.setBuffer(type, 0, 2, "-")]), HELLO),
  rule("buffers: insert in the middle", both((m, type) => [m.setBuffer(type, 2, 0, "-")]), HELLO),
  rule("buffers: replace the end", both((m, type) => [m.setBuffer(type, 3, 99, "-")]), HELLO),
  rule(
    "buffers: several edits in one callback",
    both((m, type) => [
      m.setBuffer(type, 0, 0, "a"),
      m.setBuffer(type, 99, 0, "z"),
      m.setBuffer(type, 0, 0, "A"),
      m.buffer(type, 0, ALL),
    ]),
    HELLO,
  ),
  rule("buffers: edits of each chunk", both((m, type) => [m.setBuffer(type, 0, 0, "[")]), SEVERAL),
  rule("buffers: what is held back is shown together", (m) => {
    for (const [name, type] of SIDES) m.on(name, [m.buffer(type, 0, ALL)], BUFFER_UNTIL_END);
  }, SEVERAL),
  rule("buffers: what was held back is replaced whole", (m) => {
    for (const [name, type] of SIDES) m.on(name, [m.when(END, m.setBuffer(type, 0, ALL, "new"))], BUFFER_UNTIL_END);
  }, SEVERAL),
  rule("buffers: edits while content is held back", (m) => {
    for (const [name, type] of SIDES) {
      m.on(name, [m.setBuffer(type, 0, 0, "<"), m.buffer(type, 0, ALL)], BUFFER_UNTIL_END);
    }
  }, SEVERAL),
  rule("buffers: chunks that are left out (code 3)", (m) => {
    for (const [name] of SIDES) m.on(name, [], `(select (i32.const 3) (i32.const 0) (i32.eqz ${END}))`);
  }, SEVERAL),
  rule("buffers: chunks held back and not shown again (code 2)", (m) => {
    for (const [name, type] of SIDES) {
      m.on(name, [m.buffer(type, 0, ALL)], `(select (i32.const 2) (i32.const 0) (i32.eqz ${END}))`);
    }
  }, SEVERAL),
  rule("buffers: a code nobody knows", (m) => {
    for (const [name] of SIDES) m.on(name, [], `(select (i32.const 77) (i32.const 0) (i32.eqz ${END}))`);
  }, SEVERAL),
  rule("buffers: outside of callbacks with content", (m) => {
    m.on("request_headers", [m.buffer(BUFFER.request, 0, ALL), m.setBuffer(BUFFER.request, 0, 0, "x")]);
    m.on("response_headers", [m.buffer(BUFFER.response, 0, ALL), m.buffer(BUFFER.request, 0, ALL)]);
    m.on("request_body", []);
    m.on("response_body", []);
    m.on("log", [m.buffer(BUFFER.response, 0, ALL)]);
  }, HELLO),
  rule("buffers: types that are not there", (m) => {
    m.on("request_headers", [m.buffer(2, 0, ALL), m.buffer(4, 0, ALL), m.buffer(8, 0, ALL), m.buffer(99, 0, ALL)]);
  }),
  rule("buffers: configurations are read only, and only in their callback", (m) => {
    const { get, set } = m.global("status");
    const config = (type: number) => m.call("proxy_get_buffer_bytes", type, 0, ALL, OUT.data, OUT.size);
    m.on("configure", [
      set(config(BUFFER.pluginConfig)),
      "(global.set $at (i32.load (i32.const 64))) (global.set $size (i32.load (i32.const 68)))",
      "(memory.copy (i32.const 4000000) (global.get $at) (global.get $size))",
      `(global.set $edit ${m.call("proxy_set_buffer_bytes", BUFFER.pluginConfig, 0, 0, m.text("x"))})`,
    ]);
    for (const name of ["at", "size", "edit"]) m.global(name);
    m.on("request_headers", [
      m.say("configuration: ", { num: get }, " ", { bytes: ["(i32.const 4000000)", "(global.get $size)"] }),
      m.say("edit: ", { num: "(global.get $edit)" }),
      m.buffer(BUFFER.pluginConfig, 0, ALL),
      m.buffer(BUFFER.vmConfig, 0, ALL),
    ]);
  }, {
    plugin: { configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "the plugin's" } },
    vm: { configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "the VM's" } },
  }),
  rule("buffers: a content-length that no longer holds is removed", (m) => {
    m.on("request_headers", [m.remove(0, "content-length")]);
    m.on("request_body", [
      m.when("(i32.gt_s (local.get $a) (i32.const 0))", m.setBuffer(0, 0, ALL, "longer than it was")),
    ]);
    m.quiet("request_body");
  }, { requests: [{ method: "POST", body: "hello" }], lastLine: /^delete$/ }),
];
void GIVEN;
