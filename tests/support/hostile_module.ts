import type { GuestFunction, HostFunction, WasmRuntime } from "../../lib/proxy_wasm/runtime/runtime.ts";
import { HOST_FUNCTIONS } from "./host_functions.ts";
import { assemble } from "./wasm_rig.ts";

/** A function of the host as modules import it: parameters, `i` for i32 and `l` for i64; `null` for no result. */
export interface HostSignature {
  readonly module: string;
  readonly name: string;
  readonly parameters: string;
  readonly result: "i" | null;
}

const ENV: Readonly<Record<string, string>> = {
  ...HOST_FUNCTIONS,
  proxy_unheard_of: "iii",
  pthread_equal: "ii",
};

const WASI: Readonly<Record<string, string>> = {
  args_get: "ii",
  args_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "ili",
  environ_get: "ii",
  environ_sizes_get: "ii",
  fd_close: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_prestat_dir_name: "iii",
  fd_prestat_get: "ii",
  fd_read: "iiii",
  fd_seek: "ilii",
  fd_write: "iiii",
  path_open: "iiiiillii",
  path_unlink_file: "iii",
  poll_oneoff: "iiii",
  random_get: "ii",
  sched_yield: "",
  sock_send: "iiiii",
};

function signatures(module: string, functions: Readonly<Record<string, string>>): HostSignature[] {
  return Object.entries(functions).map(([name, parameters]) => ({ module, name, parameters, result: "i" }));
}

/** Every function of the host, one that is not there, and every WASI function SDKs use. */
export const HOST_SIGNATURES: readonly HostSignature[] = [
  ...signatures("env", ENV),
  { module: "env", name: "emscripten_notify_memory_growth", parameters: "i", result: null },
  ...signatures("wasi_snapshot_preview1", WASI),
  { module: "wasi_unstable", name: "random_get", parameters: "ii", result: "i" },
  { module: "wasi_snapshot_preview1", name: "proc_exit", parameters: "i", result: null },
];

/** Callbacks with their number of parameters, and whether they return something. */
const CALLBACKS: readonly [string, number, boolean][] = [
  ["proxy_on_context_create", 2, false],
  ["proxy_on_vm_start", 2, true],
  ["proxy_on_configure", 2, true],
  ["proxy_on_tick", 1, false],
  ["proxy_on_request_headers", 3, true],
  ["proxy_on_request_body", 3, true],
  ["proxy_on_request_trailers", 2, true],
  ["proxy_on_response_headers", 3, true],
  ["proxy_on_response_body", 3, true],
  ["proxy_on_response_trailers", 2, true],
  ["proxy_on_new_connection", 1, true],
  ["proxy_on_downstream_data", 3, true],
  ["proxy_on_upstream_data", 3, true],
  ["proxy_on_http_call_response", 5, false],
  ["proxy_on_grpc_receive", 3, false],
  ["proxy_on_grpc_close", 3, false],
  ["proxy_on_queue_ready", 2, false],
  ["proxy_on_done", 1, true],
  ["proxy_on_log", 1, false],
  ["proxy_on_delete", 1, false],
];

/** Most parameters of any function. */
const PARAMETERS = 12;

/**
 * A module that does in each callback, and in its allocator, what a test tells it: the test is called, and may call any
 * function of the host through the module in turn.
 */
export function hostileModule(): Uint8Array {
  const imports = HOST_SIGNATURES.map(({ module, name, parameters, result }, i) =>
    `(import "${module}" "${name}" (func $f${i} ${types(parameters)} ${result === null ? "" : "(result i32)"}))`
  );
  const calls = HOST_SIGNATURES.map(({ parameters, result }, i) => {
    const given = [...parameters].map((type, at) =>
      type === "i" ? `(global.get $a${at})` : `(i64.or (i64.extend_i32_u (global.get $a${at}))
        (i64.shl (i64.extend_i32_u (global.get $a${at})) (i64.const 33)))`
    );
    const call = `(call $f${i} ${given.join(" ")})`;
    return `(func (export "call${i}") (result i32) ${result === null ? `${call} (i32.const 0)` : call})`;
  });
  const globals = Array.from({ length: PARAMETERS }, (_, i) => `(global $a${i} (mut i32) (i32.const 0))`);
  const set = `(func (export "set") ${`(param i32) `.repeat(PARAMETERS)}
    ${Array.from({ length: PARAMETERS }, (_, i) => `(global.set $a${i} (local.get ${i}))`).join(" ")})`;
  const callbacks = CALLBACKS.map(([name, count, returns], i) =>
    `(func (export "${name}") ${"(param i32) ".repeat(count)} ${returns ? "(result i32)" : ""}
      (call $step (i32.const ${i})) ${returns ? "" : "drop"})`
  );
  return assemble(`(module
    ${imports.join("\n")}
    (import "test" "step" (func $step (param i32) (result i32)))
    (import "test" "allocate" (func $allocate (param i32) (result i32)))
    (memory (export "memory") 1)
    ${globals.join("\n")}
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (call $allocate (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "trap") unreachable)
    ${set}
    ${calls.join("\n")}
    ${callbacks.join("\n")})`);
}

function types(parameters: string): string {
  return parameters === "" ? "" : `(param ${[...parameters].map((type) => type === "i" ? "i32" : "i64").join(" ")})`;
}

/** What a test is told, and asked. */
export interface HostileHooks {
  /** An instance has been made. */
  made(instance: HostileInstance): void;
  /** A callback of the module runs. @returns What it answers. */
  step(instance: HostileInstance): number;
  /** The module is asked for memory. @returns Where. */
  allocate(instance: HostileInstance, size: number): number;
}

/** An instance of the module, as tests use it from within its callbacks. */
export interface HostileInstance {
  readonly memory: { readonly buffer: ArrayBuffer };
  function(name: string): GuestFunction;
}

/** A runtime on which the module reaches its test. */
export function hostileRuntime(inner: WasmRuntime, hooks: HostileHooks): WasmRuntime {
  return {
    name: "hostile",
    compile: (bytes) => inner.compile(bytes),
    instantiate(module, imports) {
      let hostile: HostileInstance | null = null;
      const test: Record<string, HostFunction> = {
        step: () => hooks.step(hostile!),
        allocate: (size: number) => hooks.allocate(hostile!, size >>> 0),
      };
      const instance = inner.instantiate(module, { ...imports, test });
      hostile = { memory: instance.memory, function: (name) => instance.function(name)! };
      hooks.made(hostile);
      return instance;
    },
  };
}
