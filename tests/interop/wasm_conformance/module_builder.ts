import { HOST_FUNCTIONS } from "../../support/host_functions.ts";
import { assemble } from "../../support/wasm_rig.ts";

/** Callbacks by the short names of traces: parameters beside the id of the context, and whether there is a result. */
export const CALLBACKS = {
  vm_start: { params: 1, result: true },
  configure: { params: 1, result: true },
  tick: { params: 0, result: false },
  request_headers: { params: 2, result: true },
  request_body: { params: 2, result: true },
  request_trailers: { params: 1, result: true },
  response_headers: { params: 2, result: true },
  response_body: { params: 2, result: true },
  response_trailers: { params: 1, result: true },
  http_call_response: { params: 4, result: false },
  queue_ready: { params: 1, result: false },
  grpc_receive_initial_metadata: { params: 2, result: false },
  grpc_receive: { params: 2, result: false },
  grpc_receive_trailing_metadata: { params: 2, result: false },
  grpc_close: { params: 2, result: false },
  done: { params: 0, result: true },
  log: { params: 0, result: false },
  delete: { params: 0, result: false },
} as const;

/** Short name of a callback. */
export type CallbackName = keyof typeof CALLBACKS;

/** Part of a traced line: text, a number (an i32 expression), bytes (pointer and length) as they are or as digits. */
export type Part =
  | string
  | { readonly num: string }
  | { readonly bytes: readonly [at: string, size: string] }
  | { readonly hex: readonly [at: string, size: string] };

/** Out-pointers of host functions, below the strings. */
export const OUT = { data: 64, size: 68, extra: 72, more: 76 } as const;
const STRINGS = 1024;
const LINE = 131_072;
const HEAP = 262_144;
const WARN = 3;

const load = (at: number) => `(i32.load (i32.const ${at}))`;

/** The bytes a host function has handed over last. */
export const GIVEN: Part = { bytes: [load(OUT.data), load(OUT.size)] };
/** The same as hexadecimal digits. */
export const GIVEN_HEX: Part = { hex: [load(OUT.data), load(OUT.size)] };
/** Parameters of the callback under way: the first beside the id of the context, and so on. */
export const PARAM = ["(local.get $a)", "(local.get $b)", "(local.get $c)", "(local.get $d)"] as const;
/** A number of the module's configuration. */
export const int = (value: number): string => `(i32.const ${value})`;

/**
 * Writes a module in the text format, callback by callback. Every callback says in the log that it runs, every host
 * function what it has answered: the log is the trace that is compared. The heap begins anew with each callback.
 */
export class ModuleBuilder {
  /** Version in the marker the module exports. @default {"0_2_1"} */
  abi = "0_2_1";
  /** The functions that allocate. @default {["proxy_on_memory_allocate"]} */
  allocators: readonly string[] = ["proxy_on_memory_allocate"];
  /** More lines of the module. */
  extra = "";
  /** More imports, which stand before everything else. */
  imports = "";
  /** Whether root callbacks are traced too. */
  traceRoot = false;
  /** Whether the allocator has any memory to give. @default {true} */
  allocates = true;
  readonly #imports = new Set<string>(["proxy_log"]);
  readonly #strings = new Map<string, number>();
  #stringsEnd = STRINGS;
  readonly #globals = new Set<string>();
  readonly #callbacks = new Map<CallbackName, { body: string; result: string }>();
  readonly #quiet = new Set<CallbackName>();

  constructor() {
    for (const name of ["request_headers", "response_headers", "done", "log", "delete"] as const) this.on(name, []);
  }

  /**
   * Adds a callback.
   *
   * @param name Which one.
   * @param body Statements, in order.
   * @param result What it returns, an i32 expression; what SDKs return by default otherwise.
   */
  on(name: CallbackName, body: readonly string[], result?: string): void {
    const usual = name === "done" || name === "vm_start" || name === "configure" ? int(1) : int(0);
    this.#callbacks.set(name, { body: body.join("\n"), result: result ?? usual });
  }

  /** Leaves a callback out of the module. */
  without(name: CallbackName): void {
    this.#callbacks.delete(name);
  }

  /** Keeps a callback from being traced. */
  quiet(name: CallbackName): void {
    this.#quiet.add(name);
  }

  /** Pointer and length of a text whose characters are bytes, as two expressions. */
  text(value: string): string {
    return `(i32.const ${this.#at(value)}) (i32.const ${value.length})`;
  }

  /** A variable of the module, 0 at first. */
  global(name: string): { readonly get: string; set(value: string): string; add(value: number): string } {
    this.#globals.add(name);
    const get = `(global.get $${name})`;
    return {
      get,
      set: (value) => `(global.set $${name} ${value})`,
      add: (value) => `(global.set $${name} (i32.add ${get} (i32.const ${value})))`,
    };
  }

  /** A call of a host function, as an expression. */
  call(name: string, ...args: readonly (string | number)[]): string {
    if (HOST_FUNCTIONS[name] === undefined) {
      throw new Error(`Cannot import '${name}': its parameters are not known here`);
    }
    this.#imports.add(name);
    return `(call $${name} ${args.map((arg) => typeof arg === "number" ? int(arg) : arg).join(" ")})`;
  }

  /** A call whose answer nobody looks at. */
  do(name: string, ...args: readonly (string | number)[]): string {
    return `(drop ${this.call(name, ...args)})`;
  }

  /** Traces a line. */
  say(...parts: readonly Part[]): string {
    const puts = parts.map((part) => {
      if (typeof part === "string") return `(call $put ${this.text(part)})`;
      if ("hex" in part) return `(call $put_hex ${part.hex.join(" ")})`;
      return "num" in part ? `(call $put_num ${part.num})` : `(call $put ${part.bytes.join(" ")})`;
    });
    return `(global.set $line (i32.const ${LINE})) ${puts.join(" ")} (call $flush)`;
  }

  /** Calls a host function and traces its status, and what it has handed over where `shown` says what. */
  try(label: string, call: string, ...shown: readonly Part[]): string {
    const cleared = Object.values(OUT).map((at) => `(i32.store (i32.const ${at}) (i32.const 0))`).join(" ");
    return `${cleared} (local.set $r ${call}) ${
      this.say(`${label}: `, { num: "(local.get $r)" }, ...(shown.length > 0 ? [" ", ...shown] : []))
    }`;
  }

  /** Reads the first value of a name. */
  get(map: number, name: string): string {
    const call = this.call("proxy_get_header_map_value", map, this.text(name), OUT.data, OUT.size);
    return this.try(`get ${map} ${name}`, call, GIVEN);
  }

  /** Adds a header. */
  add(map: number, name: string, value: string): string {
    return this.try(`add ${map}`, this.call("proxy_add_header_map_value", map, this.text(name), this.text(value)));
  }

  /** Replaces a header. */
  replace(map: number, name: string, value: string): string {
    const call = this.call("proxy_replace_header_map_value", map, this.text(name), this.text(value));
    return this.try(`replace ${map}`, call);
  }

  /** Removes a header. */
  remove(map: number, name: string): string {
    return this.try(`remove ${map}`, this.call("proxy_remove_header_map_value", map, this.text(name)));
  }

  /** Reads part of a buffer. */
  buffer(type: number, start: number, max: number): string {
    const call = this.call("proxy_get_buffer_bytes", type, start, max, OUT.data, OUT.size);
    return this.try(`buffer ${type}`, call, GIVEN);
  }

  /** Changes part of a buffer. */
  setBuffer(type: number, start: number | string, size: number, value: string): string {
    return this.try(
      `set_buffer ${type}`,
      this.call("proxy_set_buffer_bytes", type, start, size, this.text(value)),
    );
  }

  /** Reads a property; parts of the path are separated by `.` here. @param shown How its bytes are shown. */
  property(path: string, shown: Part = GIVEN): string {
    const call = this.call("proxy_get_property", this.text(path.replaceAll(".", "\0")), OUT.data, OUT.size);
    return this.try(`property ${path}`, call, shown);
  }

  /** Answers by itself. */
  reply(status: number, body = "", headers: readonly string[] = [], grpcStatus = -1, details = ""): string {
    const [detailsText, bodyText, headersText] = [details, body, encodePairs(headers)].map((it) => this.text(it));
    const call = this.call("proxy_send_local_response", status, detailsText!, bodyText!, headersText!, grpcStatus);
    return this.try("send_local_response", call);
  }

  /** Something only where a condition holds. */
  when(condition: string, ...body: readonly string[]): string {
    return `(if ${condition} (then ${body.join("\n")}))`;
  }

  /** The module in the text format. */
  wat(): string {
    const create = this.say("create");
    const callbacks = [...this.#callbacks].map(([name, it]) => this.#callback(name, it)).join("\n");
    const data = [...this.#strings].map(([text, at]) => `(data (i32.const ${at}) "${escaped(text)}")`).join("\n");
    const type = (letters: string) =>
      letters === "" ? "" : `(param ${[...letters].map((it) => it === "l" ? "i64" : "i32").join(" ")})`;
    return `(module
      ${
      [...this.#imports].map((it) => `(import "env" "${it}" (func $${it} ${type(HOST_FUNCTIONS[it]!)} (result i32)))`)
        .join(
          "\n",
        )
    }
      ${this.imports}
      (memory (export "memory") 96)
      (global $heap (mut i32) (i32.const ${HEAP}))
      (global $line (mut i32) (i32.const ${LINE}))
      (global $root (mut i32) (i32.const 0))
      (global $stream (mut i32) (i32.const 0))
      ${[...this.#globals].map((it) => `(global $${it} (mut i32) (i32.const 0))`).join("\n")}
      ${data}
      (func (export "proxy_abi_version_${this.abi}"))
      (func $allocate ${this.allocators.map((it) => `(export "${it}")`).join(" ")} (param $n i32) (result i32)
        (local $p i32)
        (local.set $p (global.get $heap))
        (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get $n) (i32.const 7)) (i32.const -8))))
        ${this.allocates ? "(local.get $p)" : "(i32.const 0)"})
      (func $put_byte (param $byte i32)
        (i32.store8 (global.get $line) (local.get $byte))
        (global.set $line (i32.add (global.get $line) (i32.const 1))))
      (func $put (param $at i32) (param $n i32)
        (block $end (loop $next
          (br_if $end (i32.eqz (local.get $n)))
          (call $put_byte (i32.load8_u (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))
      (func $put_num (param $value i32)
        (if (i32.lt_s (local.get $value) (i32.const 0))
          (then (call $put_byte (i32.const 45)) (local.set $value (i32.sub (i32.const 0) (local.get $value)))))
        (if (i32.ge_u (local.get $value) (i32.const 10))
          (then (call $put_num (i32.div_u (local.get $value) (i32.const 10)))))
        (call $put_byte (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10)))))
      (func $put_digit (param $digit i32)
        (call $put_byte (i32.add (local.get $digit)
          (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 9))))))
      (func $put_hex (param $at i32) (param $n i32)
        (block $end (loop $next
          (br_if $end (i32.eqz (local.get $n)))
          (call $put_digit (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4)))
          (call $put_digit (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))
      (func $flush
        (drop (call $proxy_log (i32.const ${WARN}) (i32.const ${LINE})
          (i32.sub (global.get $line) (i32.const ${LINE})))))
      (func (export "proxy_on_context_create") (param $id i32) (param $a i32)
        (if (i32.eqz (local.get $a))
          (then (global.set $root (local.get $id)))
          (else (global.set $stream (local.get $id)) ${create})))
      ${callbacks}
      ${this.extra})`;
  }

  /** The module. */
  build(): Uint8Array {
    return assemble(this.wat());
  }

  #callback(name: CallbackName, { body, result }: { body: string; result: string }): string {
    const { params, result: hasResult } = CALLBACKS[name];
    // The first version of the interface tells no end of stream with headers.
    const withoutEnd = this.abi === "0_1_0" && /^(request|response)_headers$/.test(name);
    const count = withoutEnd ? 1 : params;
    const names = ["$a", "$b", "$c", "$d"].slice(0, count);
    const shown: Part[] = name.endsWith("_headers")
      ? withoutEnd ? [] : [" end=", { num: PARAM[1] }]
      : name.endsWith("_body")
      ? [" size=", { num: PARAM[0] }, " end=", { num: PARAM[1] }]
      : name.endsWith("_trailers")
      ? [" count=", { num: PARAM[0] }]
      : [];
    const isRoot = name === "vm_start" || name === "configure" || name === "tick";
    const ends = name === "done" || name === "delete" || name === "log";
    const traced = this.#quiet.has(name) || (isRoot && !this.traceRoot)
      ? ""
      : ends && !this.traceRoot
      ? `(if (i32.ne (local.get $id) (global.get $root)) (then ${this.say(name)}))`
      : this.say(isRoot ? `root ${name}` : name, ...shown);
    return `(func (export "proxy_on_${name}") (param $id i32) ${names.map((it) => `(param ${it} i32)`).join(" ")}
      ${hasResult ? "(result i32)" : ""}
      (local $r i32)
      (global.set $heap (i32.const ${HEAP}))
      ${traced}
      ${body}
      ${hasResult ? result : ""})`;
  }

  #at(value: string): number {
    let at = this.#strings.get(value);
    if (at !== undefined) return at;
    at = this.#stringsEnd;
    this.#stringsEnd += value.length;
    if (this.#stringsEnd > LINE) throw new Error("Cannot place the text: there is more than the module has room for");
    this.#strings.set(value, at);
    return at;
  }
}

/** Pairs as the interface has them: names and values in turn, characters are bytes. */
export function encodePairs(pairs: readonly string[]): string {
  if (pairs.length === 0) return "";
  const u32 = (value: number) =>
    String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  return u32(pairs.length / 2) + pairs.map((it) => u32(it.length)).join("") + pairs.map((it) => `${it}\0`).join("");
}

function escaped(text: string): string {
  return Array.from(text, (unit) => `\\${unit.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
}
