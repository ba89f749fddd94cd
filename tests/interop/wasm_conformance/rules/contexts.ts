import { int, type ModuleBuilder, OUT } from "../module_builder.ts";
import { MAP, rule, type WasmRule } from "../rule.ts";

const cas = (m: ModuleBuilder, key: string) =>
  m.try(
    `get ${key}`,
    m.call("proxy_get_shared_data", m.text(key), OUT.data, OUT.size, OUT.extra),
    {
      bytes: ["(i32.load (i32.const 64))", "(i32.load (i32.const 68))"],
    },
    " versioned: ",
    { num: "(i32.ne (i32.load (i32.const 72)) (i32.const 0))" },
  );
const setShared = (m: ModuleBuilder, key: string, value: string, version: string) =>
  m.try(`set ${key}`, m.call("proxy_set_shared_data", m.text(key), m.text(value), version));
const dequeue = (m: ModuleBuilder, queue: string) =>
  m.try("dequeue", m.call("proxy_dequeue_shared_queue", queue, OUT.data, OUT.size), {
    bytes: ["(i32.load (i32.const 64))", "(i32.load (i32.const 68))"],
  });
const metric = (m: ModuleBuilder, id: string) =>
  m.try("value", m.call("proxy_get_metric", id, OUT.data), { num: "(i32.load (i32.const 64))" });
const i64 = (value: number) => `(i64.const ${value})`;
const define = (m: ModuleBuilder, type: number, name: string, to: (value: string) => string) => [
  m.try(`define ${type}`, m.call("proxy_define_metric", type, m.text(name), OUT.extra)),
  to("(i32.load (i32.const 72))"),
];

/** Contexts, and what lives beside streams: shared data, queues, metrics, timers, foreign functions. */
export const CONTEXT_RULES: readonly WasmRule[] = [
  rule("context: the root has no headers", (m) => {
    m.on("request_headers", [
      m.try("root", m.call("proxy_set_effective_context", "(global.get $root)")),
      m.get(MAP.request, ":path"),
      m.property("plugin_root_id"),
      m.try("back", m.call("proxy_set_effective_context", "(local.get $id)")),
      m.get(MAP.request, ":path"),
    ]);
  }, { plugin: { root_id: "r" } }),
  rule("context: one that does not exist", (m) => {
    m.on("request_headers", [
      m.try("none", m.call("proxy_set_effective_context", 7777)),
      m.get(MAP.request, ":path"),
    ]);
  }),
  rule("context: effective only until the callback returns", (m) => {
    m.on("request_headers", [m.try("root", m.call("proxy_set_effective_context", "(global.get $root)"))]);
    m.on("response_headers", [m.get(MAP.request, "x-none"), m.get(MAP.response, ":status")]);
  }),
  rule("context: done where nothing waits for it", (m) => {
    m.on("request_headers", [m.try("done", m.call("proxy_done"))]);
  }),
  rule("timer: ticks come at the root", (m) => {
    const waits = m.global("waits");
    m.on("configure", [m.do("proxy_set_tick_period_milliseconds", 10)]);
    m.on("request_headers", [waits.set(int(1))], int(1));
    m.on("tick", [m.when(
      waits.get,
      waits.set(int(0)),
      m.say("tick at root: ", { num: "(i32.eq (local.get $id) (global.get $root))" }),
      m.get(MAP.request, ":path"),
      m.do("proxy_set_effective_context", "(global.get $stream)"),
      m.get(MAP.request, ":path"),
      m.do("proxy_continue_stream", 0),
    )]);
  }),
  rule("timer: set by a stream, stopped by a tick", (m) => {
    m.on("request_headers", [m.try("period", m.call("proxy_set_tick_period_milliseconds", 10))]);
    m.on("tick", [m.say("tick"), m.do("proxy_set_tick_period_milliseconds", 0)]);
  }, { lastLine: /^tick/ }),
  rule("shared data: set, get, versions", (m) => {
    const version = m.global("version");
    m.on("request_headers", [
      cas(m, "key"),
      setShared(m, "key", "one", int(0)),
      cas(m, "key"),
      version.set("(i32.load (i32.const 72))"),
      setShared(m, "key", "two", version.get),
      setShared(m, "key", "three", version.get),
      cas(m, "key"),
      setShared(m, "key", "four", int(0)),
      setShared(m, "empty", "", int(0)),
      cas(m, "empty"),
      setShared(m, "new", "x", int(4711)),
      cas(m, "new"),
    ]);
  }),
  rule("shared data: streams of a VM see the same", (m) => {
    m.on("request_headers", [cas(m, "count"), setShared(m, "count", "seen", int(0))]);
  }, { requests: [{}, {}] }),
  rule("queue: enqueue and dequeue", (m) => {
    const queue = m.global("queue");
    const load = "(i32.load (i32.const 72))";
    m.on("request_headers", [
      m.try("register", m.call("proxy_register_shared_queue", m.text("q"), OUT.extra)),
      queue.set(load),
      m.try("again", m.call("proxy_register_shared_queue", m.text("q"), OUT.extra), {
        num: `(i32.eq ${queue.get} ${load})`,
      }),
      m.try("resolve", m.call("proxy_resolve_shared_queue", 0, 0, m.text("q"), OUT.extra), {
        num: `(i32.eq ${queue.get} ${load})`,
      }),
      m.try("unknown", m.call("proxy_resolve_shared_queue", 0, 0, m.text("other"), OUT.extra)),
      dequeue(m, queue.get),
      m.try("enqueue", m.call("proxy_enqueue_shared_queue", queue.get, m.text("first"))),
      m.try("enqueue", m.call("proxy_enqueue_shared_queue", queue.get, m.text("second"))),
      dequeue(m, queue.get),
      dequeue(m, queue.get),
      dequeue(m, queue.get),
      dequeue(m, int(4711)),
      m.try("enqueue", m.call("proxy_enqueue_shared_queue", 4711, m.text("lost"))),
    ]);
  }),
  rule("queue: the root that registered is told", (m) => {
    const queue = m.global("queue");
    m.on("configure", [
      m.do("proxy_register_shared_queue", m.text("told"), OUT.extra),
      queue.set("(i32.load (i32.const 72))"),
    ]);
    m.on("request_headers", [m.try("enqueue", m.call("proxy_enqueue_shared_queue", queue.get, m.text("item")))]);
    m.on("queue_ready", [
      m.say("own: ", { num: `(i32.eq ${queue.get} (local.get $a))` }),
      dequeue(m, queue.get),
    ]);
    // When it comes is not said: it may be before the response or after.
    for (const name of ["response_headers", "log", "done", "delete"] as const) m.without(name);
  }, { lastLine: /^dequeue/ }),
  rule("metrics: a counter", (m) => {
    const id = m.global("metric");
    m.on("request_headers", [
      ...define(m, 0, "rule_counter", id.set),
      m.try("increment", m.call("proxy_increment_metric", id.get, i64(2))),
      m.try("increment", m.call("proxy_increment_metric", id.get, i64(-1))),
      m.try("record", m.call("proxy_record_metric", id.get, i64(3))),
      metric(m, id.get),
    ]);
  }),
  rule("metrics: a gauge", (m) => {
    const id = m.global("metric");
    m.on("request_headers", [
      ...define(m, 1, "rule_gauge", id.set),
      m.try("record", m.call("proxy_record_metric", id.get, i64(10))),
      m.try("increment", m.call("proxy_increment_metric", id.get, i64(-3))),
      metric(m, id.get),
    ]);
  }),
  rule("metrics: a histogram", (m) => {
    const id = m.global("metric");
    m.on("request_headers", [
      ...define(m, 2, "rule_histogram", id.set),
      m.try("record", m.call("proxy_record_metric", id.get, i64(10))),
      m.try("increment", m.call("proxy_increment_metric", id.get, i64(1))),
      metric(m, id.get),
    ]);
  }),
  rule("metrics: what does not exist", (m) => {
    m.on("request_headers", [
      m.try("type", m.call("proxy_define_metric", 9, m.text("x"), OUT.extra)),
      m.try("increment", m.call("proxy_increment_metric", 4096, i64(1))),
      m.try("record", m.call("proxy_record_metric", 4096, i64(1))),
      metric(m, int(4096)),
    ]);
  }),
  rule("foreign functions: one nobody knows", (m) => {
    m.on("request_headers", [
      m.try("call", m.call("proxy_call_foreign_function", m.text("none"), m.text("x"), OUT.data, OUT.size)),
    ]);
  }),
  rule("foreign functions: clear_route_cache", (m) => {
    m.on("request_headers", [
      m.try("call", m.call("proxy_call_foreign_function", m.text("clear_route_cache"), 0, 0, OUT.data, OUT.size)),
    ]);
  }),
  rule("log: a level that does not exist", (m) => {
    m.on("request_headers", [m.try("log", m.call("proxy_log", 6, m.text("x")))]);
  }),
];
