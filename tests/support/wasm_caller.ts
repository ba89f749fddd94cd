import { pairsOf } from "./wasm_probe.ts";
import { proxyModule } from "./wasm_rig.ts";

/** Where the module calls. */
export interface CallerOptions {
  /** Cluster of the HTTP call. */
  readonly http: string;
  /** Cluster of the gRPC call. */
  readonly grpc: string;
  readonly timeoutMs?: number;
}

/** Texts of the module, by where they lie. */
class Data {
  #at = 0;
  readonly #lines: string[] = [];

  /** Places a text; gives pointer and size as operands. */
  put(text: string | Uint8Array): string {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const at = this.#at;
    const escaped = Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    this.#lines.push(`(data (i32.const ${at}) "${escaped}")`);
    this.#at += bytes.length;
    return `(i32.const ${at}) (i32.const ${bytes.length})`;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}

/**
 * A module that holds a request back, asks another service by HTTP and then one by gRPC, and lets the request go on with
 * what they said: `x-http-status` and `x-user` of the answer to the one, `x-greeting` is the message of the other. Where
 * the gRPC call fails the request is answered with 403 and the status. Calls of many requests may be under way. It counts
 * answers in `calls_total`, tagged with its status.
 */
export function callerModule({ http, grpc, timeoutMs = 0 }: CallerOptions): Uint8Array {
  const data = new Data();
  const headers = pairsOf([":method", "GET"], [":path", "/check"], [":authority", "auth.default"], ["x-from", "wasm"]);
  const [cluster, request, none, service, method, message, backend] = [
    http,
    headers,
    "",
    "test.Greeter",
    "Greet",
    "who",
    grpc,
  ].map((text) => data.put(text)) as [string, string, string, string, string, string, string];
  const [status, user, httpStatus, greeting, denied, metric] = [
    ":status",
    "x-user",
    "x-http-status",
    "x-greeting",
    "denied",
    "source=.=wasm;.;calls_total",
  ].map((text) => data.put(text)) as [string, string, string, string, string, string];
  // Contexts by the number of their call, from 2048.
  const slot = `(i32.add (i32.const 2048) (i32.mul (i32.and (local.get $call) (i32.const 255)) (i32.const 4)))`;
  return proxyModule(
    `(import "env" "proxy_http_call" (func $http (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_grpc_call"
       (func $grpc (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
     (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
     (import "env" "proxy_get_status" (func $status (param i32 i32 i32) (result i32)))
     (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
     (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
     (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`,
    `${data}
     (global $metric (mut i32) (i32.const 0))
     (func $remember (param $call i32) (param $context i32) (i32.store ${slot} (local.get $context)))
     (func $contextOf (param $call i32) (result i32) (i32.load ${slot}))
     (func (export "proxy_on_configure") (param i32 i32) (result i32)
       (drop (call $define (i32.const 0) ${metric} (i32.const 1500)))
       (global.set $metric (i32.load (i32.const 1500)))
       (i32.const 1))
     (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
       (global.set $heap (i32.const 4096))
       (if (call $http ${cluster} ${request} ${none} ${none} (i32.const ${timeoutMs}) (i32.const 1500))
         (then (drop (call $reply (i32.const 500) ${none} ${denied} ${none} (i32.const -1))) (return (i32.const 1))))
       (call $remember (i32.load (i32.const 1500)) (local.get $id))
       (i32.const 1))
     (func $copy (param $id i32) (param $from i32) (param $fromSize i32) (param $to i32) (param $toSize i32)
       (if (i32.eqz (call $get (i32.const 6) (local.get $from) (local.get $fromSize) (i32.const 1504) (i32.const 1508)))
         (then
           (drop (call $effective (local.get $id)))
           (drop (call $set (i32.const 0) (local.get $to) (local.get $toSize)
             (i32.load (i32.const 1504)) (i32.load (i32.const 1508)))))))
     (func (export "proxy_on_http_call_response") (param $root i32) (param $call i32) (param i32 i32 i32)
       (local $id i32)
       (local.set $id (call $contextOf (local.get $call)))
       (drop (call $increment (global.get $metric) (i64.const 1)))
       (call $copy (local.get $id) ${status} ${httpStatus})
       (call $copy (local.get $id) ${user} ${user})
       (drop (call $grpc ${backend} ${service} ${method} ${none} ${message} (i32.const ${timeoutMs}) (i32.const 1500)))
       (call $remember (i32.load (i32.const 1500)) (local.get $id)))
     (func (export "proxy_on_grpc_receive") (param $root i32) (param $call i32) (param $size i32)
       (drop (call $buffer (i32.const 5) (i32.const 0) (local.get $size) (i32.const 1504) (i32.const 1508)))
       (drop (call $effective (call $contextOf (local.get $call))))
       (drop (call $set (i32.const 0) ${greeting} (i32.load (i32.const 1504)) (i32.load (i32.const 1508))))
       (drop (call $continue (i32.const 0))))
     (func (export "proxy_on_grpc_close") (param $root i32) (param $call i32) (param $code i32)
       (drop (call $status (i32.const 1512) (i32.const 1504) (i32.const 1508)))
       (drop (call $effective (call $contextOf (local.get $call))))
       (drop (call $reply (i32.const 403) ${denied} (i32.load (i32.const 1504)) (i32.load (i32.const 1508)) ${none}
         (i32.load (i32.const 1512)))))`,
  );
}
