import { GIVEN, int, type ModuleBuilder, OUT } from "../module_builder.ts";
import { MAP, rule, type RuleOptions, type WasmRule } from "../rule.ts";

const ABIS = ["0_1_0", "0_2_0", "0_2_1"] as const;
const CONFIGURED: RuleOptions = {
  plugin: { configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "the plugin's" } },
  vm: { configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "the VM's" } },
};

/** Keeps what a function has handed over, so that a stream can tell of it. */
function keep(m: ModuleBuilder, name: string): string {
  for (const part of ["at", "size"]) m.global(`${name}_${part}`);
  const at = name === "vm" ? 4_000_000 : 4_100_000;
  return `(memory.copy (i32.const ${at}) (i32.load (i32.const ${OUT.data})) (i32.load (i32.const ${OUT.size})))
    (global.set $${name}_at (i32.const ${at})) (global.set $${name}_size (i32.load (i32.const ${OUT.size})))`;
}
const kept = (name: string) => ({ bytes: [`(global.get $${name}_at)`, `(global.get $${name}_size)`] as const });

/** What differs between the versions of the interface. */
export const VERSION_RULES: readonly WasmRule[] = [
  ...ABIS.flatMap((abi) => [
    rule(`version ${abi}: headers, content and what is missing`, (m) => {
      m.abi = abi;
      m.on("request_headers", [
        m.get(MAP.request, "x-none"),
        m.get(MAP.response, "x-none"),
        m.get(MAP.request, ":path"),
      ]);
      m.on("request_body", [m.buffer(0, 0, -1)]);
      m.on("response_headers", [m.add(MAP.response, "x-a", "1"), m.get(MAP.response, "x-none")]);
      m.on("response_body", [m.buffer(1, 0, -1)]);
      m.on("log", [m.get(MAP.response, "x-none"), m.get(MAP.responseTrailers, "x-none")]);
    }, { requests: [{ method: "POST", chunks: ["hello"], script: ["200 chunk:world"] }] }),
    rule(`version ${abi}: the configurations`, (m) => {
      m.abi = abi;
      const read = abi === "0_1_0"
        ? () => m.do("proxy_get_configuration", OUT.data, OUT.size)
        : (type: number) => m.do("proxy_get_buffer_bytes", type, 0, -1, OUT.data, OUT.size);
      m.on("vm_start", [read(6), keep(m, "vm")]);
      m.on("configure", [read(7), keep(m, "plugin")]);
      m.on("request_headers", [m.say("vm ", kept("vm")), m.say("plugin ", kept("plugin"))]);
    }, CONFIGURED),
  ]),
  rule("version 0_1_0: continue by its own functions", (m) => {
    m.abi = "0_1_0";
    const waits = m.global("waits");
    m.on("configure", [m.do("proxy_set_tick_period_milliseconds", 10)]);
    m.on("tick", [m.when(
      waits.get,
      m.do("proxy_set_effective_context", "(global.get $stream)"),
      `(if (i32.eq ${waits.get} (i32.const 1))
        (then ${m.try("continue", m.call("proxy_continue_request"))})
        (else ${m.try("continue", m.call("proxy_continue_response"))}))`,
      waits.set(int(0)),
    )]);
    m.on("request_headers", [waits.set(int(1))], int(1));
    m.on("response_headers", [waits.set(int(2))], int(1));
  }),
  rule("version 0_1_0: clear_route_cache", (m) => {
    m.abi = "0_1_0";
    m.on("request_headers", [m.try("clear", m.call("proxy_clear_route_cache"))]);
  }),
  rule("version: two markers", (m) => {
    m.extra = '(func (export "proxy_abi_version_0_2_0"))';
    m.on("request_headers", [m.get(MAP.request, "x-none")]);
  }),
  rule("start: _initialize and main", (m) => {
    const seen = m.global("seen");
    m.extra = `(func (export "_initialize") (global.set $seen (i32.const 1)))
      (func (export "main") (param i32 i32) (result i32)
        (global.set $seen (i32.add (i32.mul (global.get $seen) (i32.const 10)) (i32.const 2))) (i32.const 0))
      (func (export "_start") (global.set $seen (i32.const 9)))`;
    m.on("request_headers", [m.say("seen ", { num: seen.get })]);
  }),
  rule("start: _start where there is no _initialize", (m) => {
    const seen = m.global("seen");
    m.extra = `(func (export "_start") (global.set $seen (i32.add (global.get $seen) (i32.const 9))))`;
    m.on("request_headers", [m.say("seen ", { num: seen.get })]);
  }),
  rule("start: both allocators", (m) => {
    m.extra = `(global $used (mut i32) (i32.const 0))
      (func (export "malloc") (param $n i32) (result i32)
        (global.set $used (i32.const 1)) (call $allocate (local.get $n)))`;
    m.on("request_headers", [m.get(MAP.request, ":path")]);
  }),
  rule("memory: the allocator grows it", (m) => {
    m.extra = "";
    m.on("request_headers", [
      "(global.set $heap (i32.mul (memory.size) (i32.const 65536)))",
      "(drop (memory.grow (i32.const 2)))",
      m.try("get", m.call("proxy_get_header_map_value", MAP.request, m.text(":path"), OUT.data, OUT.size), GIVEN),
    ]);
  }),
  rule("WASI: the world a module sees", (m) => {
    m.on("request_headers", [
      m.say("environment ", { num: "(call $environ_sizes_get (i32.const 64) (i32.const 68))" }, " ", {
        num: "(i32.load (i32.const 64))",
      }),
      m.say("arguments ", { num: "(call $args_sizes_get (i32.const 64) (i32.const 68))" }, " ", {
        num: "(i32.load (i32.const 64))",
      }),
      m.say("random ", { num: "(call $random_get (i32.const 64) (i32.const 8))" }, " too much ", {
        num: "(call $random_get (i32.const 65536) (i32.const 65537))",
      }),
      m.say("file ", { num: "(call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 68))" }),
      m.say("close ", { num: "(call $fd_close (i32.const 7))" }),
      m.say("directory ", { num: "(call $fd_prestat_get (i32.const 3) (i32.const 64))" }),
      m.say("write to a file ", {
        num: "(call $fd_write (i32.const 7) (i32.const 64) (i32.const 0) (i32.const 68))",
      }),
    ]);
    m.imports = `
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))`;
  }, { vm: { environment_variables: { key_values: { ONE: "1", TWO: "2" } } } }),
];
