import { proxyModule } from "./wasm_rig.ts";

/** What the callbacks of a recorder do: instructions that leave the action on the stack. @default {continue} */
export interface RecorderActions {
  readonly requestHeaders?: string;
  readonly requestBody?: string;
  readonly requestTrailers?: string;
  readonly responseHeaders?: string;
  readonly responseBody?: string;
  readonly responseTrailers?: string;
  /** Of `on_tick`, which leaves nothing on the stack. */
  readonly tick?: string;
  readonly log?: string;
  readonly done?: string;
  readonly configure?: string;
  /** More functions, data and globals; text may stand from 512 to 1023. */
  readonly more?: string;
  readonly marker?: string;
}

const NAMES = [
  "create",
  "start",
  "configure",
  "req-headers",
  "req-body",
  "req-trailers",
  "res-headers",
  "res-body",
  "res-trailers",
  "done",
  "log",
  "delete",
  "tick",
] as const; // deno-fmt-ignore

const SLOT = 24;

/** Imports of a recorder, by the names its instructions use. */
const IMPORTS = `
  (import "env" "proxy_log" (func $proxy_log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_size" (func $map_size (param i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_done" (func $proxy_done (result i32)))
`;

/**
 * A module that logs each callback as `name a b` and then does what it is told. Instructions may use the functions of
 * `IMPORTS`, `$trace (ptr, len, a, b)`, `$show (ptr out-pointer at 1024, 1028)`, and the callback's parameters.
 */
export function recorder(actions: RecorderActions = {}): Uint8Array {
  const data = NAMES.map((name, i) => `(data (i32.const ${i * SLOT}) "${name}")`).join("\n");
  const trace = (name: typeof NAMES[number], a: string, b: string) =>
    `(call $trace (i32.const ${NAMES.indexOf(name) * SLOT}) (i32.const ${name.length}) ${a} ${b})`;
  const zero = "(i32.const 0)";
  const action = (code: string | undefined) => code ?? zero;
  return proxyModule(
    IMPORTS,
    `${data}
    (global $at (mut i32) (i32.const 0))
    (func $digit (param $c i32)
      (i32.store8 (global.get $at) (local.get $c))
      (global.set $at (i32.add (global.get $at) (i32.const 1))))
    (func $number (param $n i32)
      (if (i32.ge_u (local.get $n) (i32.const 10)) (then (call $number (i32.div_u (local.get $n) (i32.const 10)))))
      (call $digit (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
    (func $trace (param $p i32) (param $n i32) (param $a i32) (param $b i32)
      (local $i i32)
      (global.set $at (i32.const 2048))
      (block $end (loop $next
        (br_if $end (i32.eq (local.get $i) (local.get $n)))
        (call $digit (i32.load8_u (i32.add (local.get $p) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
      (call $digit (i32.const 32)) (call $number (local.get $a))
      (call $digit (i32.const 32)) (call $number (local.get $b))
      (drop (call $proxy_log (i32.const 2) (i32.const 2048) (i32.sub (global.get $at) (i32.const 2048)))))
    (func $show
      (drop (call $proxy_log (i32.const 2) (i32.load (i32.const 1024)) (i32.load (i32.const 1028)))))
    (func (export "proxy_on_context_create") (param $id i32) (param $parent i32)
      ${trace("create", "(local.get $id)", "(local.get $parent)")})
    (func (export "proxy_on_vm_start") (param $id i32) (param $size i32) (result i32)
      ${trace("start", "(local.get $id)", "(local.get $size)")} (i32.const 1))
    (func (export "proxy_on_configure") (param $id i32) (param $size i32) (result i32)
      ${trace("configure", "(local.get $id)", "(local.get $size)")} ${actions.configure ?? "(i32.const 1)"})
    (func (export "proxy_on_request_headers") (param $id i32) (param $n i32) (param $end i32) (result i32)
      ${trace("req-headers", "(local.get $n)", "(local.get $end)")} ${action(actions.requestHeaders)})
    (func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
      ${trace("req-body", "(local.get $size)", "(local.get $end)")} ${action(actions.requestBody)})
    (func (export "proxy_on_request_trailers") (param $id i32) (param $n i32) (result i32)
      ${trace("req-trailers", "(local.get $n)", zero)} ${action(actions.requestTrailers)})
    (func (export "proxy_on_response_headers") (param $id i32) (param $n i32) (param $end i32) (result i32)
      ${trace("res-headers", "(local.get $n)", "(local.get $end)")} ${action(actions.responseHeaders)})
    (func (export "proxy_on_response_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
      ${trace("res-body", "(local.get $size)", "(local.get $end)")} ${action(actions.responseBody)})
    (func (export "proxy_on_response_trailers") (param $id i32) (param $n i32) (result i32)
      ${trace("res-trailers", "(local.get $n)", zero)} ${action(actions.responseTrailers)})
    (func (export "proxy_on_done") (param $id i32) (result i32)
      ${trace("done", "(local.get $id)", zero)} ${actions.done ?? "(i32.const 1)"})
    (func (export "proxy_on_log") (param $id i32)
      ${trace("log", "(local.get $id)", zero)} ${actions.log ?? ""})
    (func (export "proxy_on_delete") (param $id i32)
      ${trace("delete", "(local.get $id)", zero)})
    (func (export "proxy_on_tick") (param $id i32)
      ${trace("tick", "(local.get $id)", zero)} ${actions.tick ?? ""})
    ${actions.more ?? ""}`,
    actions.marker,
  );
}
