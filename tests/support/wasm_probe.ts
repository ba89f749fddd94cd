/**
 * A module whose host functions tests call by themselves, in the place of its code: with real signatures and a real
 * memory, but arguments and callbacks in TypeScript.
 */
import type { GuestExports } from "../../lib/proxy_wasm/guest_exports.ts";
import { Context } from "../../lib/proxy_wasm/context.ts";
import type { RootContext } from "../../lib/proxy_wasm/root_context.ts";
import type { GuestFunction, WasmInstance } from "../../lib/proxy_wasm/runtime/runtime.ts";
import { V8Module, v8Runtime } from "../../lib/proxy_wasm/runtime/v8.ts";
import { Vm } from "../../lib/proxy_wasm/vm.ts";
import { encodePairs, pairsSize } from "../../lib/proxy_wasm/pairs.ts";
import { assemble, pluginConfig, TestEnvironment } from "./wasm_rig.ts";

/** Host functions with their parameters: `i` for 32 bits, `l` for 64. */
export const HOST_FUNCTIONS: Readonly<Record<string, string>> = {
  proxy_get_buffer_bytes: "iiiii",
  proxy_set_buffer_bytes: "iiiii",
  proxy_get_header_map_value: "iiiii",
  proxy_replace_header_map_value: "iiiii",
  proxy_get_header_map_pairs: "iii",
  proxy_get_property: "iiii",
  proxy_set_property: "iiii",
  proxy_http_call: "iiiiiiiiii",
  proxy_grpc_call: "iiiiiiiiiiii",
  proxy_grpc_stream: "iiiiiiiii",
  proxy_grpc_send: "iiii",
  proxy_grpc_cancel: "i",
  proxy_grpc_close: "i",
  proxy_get_status: "iii",
  proxy_set_tick_period_milliseconds: "i",
  proxy_get_shared_data: "iiiii",
  proxy_set_shared_data: "iiiii",
  proxy_register_shared_queue: "iii",
  proxy_resolve_shared_queue: "iiiii",
  proxy_enqueue_shared_queue: "iii",
  proxy_dequeue_shared_queue: "iii",
  proxy_define_metric: "iiii",
  proxy_record_metric: "il",
  proxy_increment_metric: "il",
  proxy_get_metric: "ii",
  proxy_call_foreign_function: "iiiiii",
  proxy_set_effective_context: "i",
  proxy_continue_stream: "i",
};

const WAT = `(module
  ${
  Object.entries(HOST_FUNCTIONS).map(([name, parameters]) =>
    `(import "env" "${name}" (func $${name} (param ${
      [...parameters].map((kind) => kind === "l" ? "i64" : "i32").join(" ")
    }) (result i32)))`
  ).join("\n")
}
  ${Object.keys(HOST_FUNCTIONS).map((name) => `(export "host_${name}" (func $${name}))`).join("\n")}
  (memory (export "memory") 40)
  (global $heap (mut i32) (i32.const 1048576))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param $n i32) (result i32)
    (local $p i32)
    (local.set $p (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (local.get $n)))
    (local.get $p)))`;

/** The module. */
export const PROBE: Uint8Array = assemble(WAT);

/** An out-pointer in the arguments of {@linkcode WasmProbe.call}. */
export const OUT: unique symbol = Symbol("out");

/** Where arguments lie. */
const SCRATCH = 1024;
const OUTS = 512;

/** What a host function answered. */
export interface HostAnswer {
  readonly status: number;
  /** 32 bits at each out-pointer, in order; -1 where nothing was written. */
  readonly outs: readonly number[];
  /** The text that the last two out-pointers stand for. */
  readonly text: string;
}

/** A context that has nothing of its own. */
export class BareStream extends Context {
  readonly #root: RootContext;

  constructor(root: RootContext) {
    super(root.vm, root.vm.nextId());
    this.#root = root;
    root.vm.add(this);
  }

  override get root(): RootContext {
    return this.#root;
  }
}

/** See the module. */
export class WasmProbe {
  readonly environment: TestEnvironment;
  readonly vm: Vm;
  readonly root: RootContext;
  readonly #instance: WasmInstance;

  /**
   * @param environment The world.
   * @param overrides What is different of the plugin.
   */
  constructor(
    environment: TestEnvironment = new TestEnvironment(),
    overrides: Parameters<typeof pluginConfig>[1] = {},
  ) {
    this.environment = environment;
    const config = pluginConfig(PROBE, overrides);
    let instance: WasmInstance | null = null;
    this.vm = new Vm({
      runtime: { ...v8Runtime, instantiate: (...args) => instance = v8Runtime.instantiate(...args) },
      module: new V8Module(new WebAssembly.Module(PROBE as BufferSource)),
      config: config.vm,
      host: environment,
      location: "test",
    });
    this.#instance = instance!;
    this.root = this.vm.createRoot(config);
    this.root.start();
  }

  /** Puts callbacks of the test in the place of the module's. */
  on(callbacks: { [Name in keyof GuestExports]?: (...args: number[]) => number | void }): void {
    this.vm.exports = { ...this.vm.exports, ...callbacks as unknown as Partial<GuestExports> };
  }

  /** Runs a task as a callback of a context. */
  inside<T>(task: () => T, context: Context = this.root): T {
    let result!: T;
    this.vm.run(
      context,
      (() => {
        result = task();
        return 0;
      }) as GuestFunction,
    );
    return result;
  }

  /**
   * Calls a host function, within a callback of the root where none is under way. Texts and bytes are written to the
   * memory and become pointer and size.
   */
  call(name: string, ...args: readonly (number | bigint | string | Uint8Array | typeof OUT)[]): HostAnswer {
    if (!this.vm.busy) return this.inside(() => this.call(name, ...args));
    const { memory } = this.vm;
    const outs: number[] = [];
    let at = SCRATCH;
    const flat = args.flatMap((arg) => {
      if (arg === OUT) {
        const pointer = OUTS + outs.length * 8;
        memory.writeU32(pointer, 0xffff_ffff);
        outs.push(pointer);
        return [pointer];
      }
      if (typeof arg === "number" || typeof arg === "bigint") return [arg];
      const bytes = typeof arg === "string" ? Uint8Array.from(arg, (unit) => unit.charCodeAt(0)) : arg;
      memory.write(at, bytes);
      const pointer = at;
      at += bytes.length;
      return [pointer, bytes.length];
    });
    const status = this.#instance.function(`host_${name}`)!(...flat) as number;
    const values = outs.map((pointer) => memory.readU32(pointer)! | 0);
    const [pointer = 0, size = 0] = values.slice(-2);
    return { status, outs: values, text: values.length < 2 || size < 0 ? "" : memory.text(pointer, size) ?? "" };
  }

  /** Calls one that must succeed, and gives the first value it wrote. */
  ok(name: string, ...args: Parameters<WasmProbe["call"]> extends [string, ...infer Rest] ? Rest : never): number {
    const { status, outs } = this.call(name, ...args);
    if (status !== 0) throw new Error(`'${name}' answered ${status}`);
    return outs[0] ?? 0;
  }

  /** A buffer, by `BufferType`; the status where it cannot be had. */
  buffer(type: number): string | number {
    const { status, text } = this.call("proxy_get_buffer_bytes", type, 0, -1, OUT, OUT);
    return status === 0 ? text : status;
  }

  /** One value of a map, by `MapType`; the status where it cannot be had. */
  header(type: number, name: string): string | number {
    const { status, text } = this.call("proxy_get_header_map_value", type, name, OUT, OUT);
    return status === 0 ? text : status;
  }

  /** What `proxy_get_status` answers. */
  status(): readonly [code: number, message: string] {
    const { outs, text } = this.call("proxy_get_status", OUT, OUT, OUT);
    return [outs[0]!, text];
  }
}

/** Fields as modules hand them over. */
export function pairsOf(...fields: readonly (readonly [string, string])[]): Uint8Array {
  const flat = fields.flat();
  const bytes = new Uint8Array(pairsSize(flat));
  if (flat.length > 0) encodePairs(flat, bytes);
  return bytes;
}
