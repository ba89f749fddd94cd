/** Components made in the test's process, from what their functions do in WebAssembly's text format. */
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";

/** Bodies of the functions a filter exports; results are an address, where zeros mean that all is well. */
export interface WatFilter {
  readonly globals?: string;
  readonly initialize?: string;
  readonly configure?: string;
  readonly onRequest?: string;
  readonly onResponse?: string;
  /** Exports the interface `bodies` as well. */
  readonly bodies?: { readonly request?: string; readonly response?: string; readonly done?: string };
  /** Data at addresses from 2048. */
  readonly data?: string;
  /** Pages of memory from the start. */
  readonly pages?: number;
}

/** An address below which there are zeros. */
const FINE = "i32.const 1024";
const HANDLER = "cm32p2|enmesh:filter/handler@0.1|";
const BODIES = "cm32p2|enmesh:filter/bodies@0.1|";

const wit = Deno.readTextFileSync(new URL("../../filters/wit/filter.wit", import.meta.url));

// jco starts to read its own module when it is imported: that must not end inside of a test.
await parse("(module)");

/** Makes a component. */
export async function watComponent(filter: WatFilter = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { bodies, globals = "", pages = 2, data = "" } = filter;
  const body = (name: string, code = FINE) => `
    (func (export "${BODIES}${name}") (param $call i32) (param $at i32) (param $len i32) (param $end i32) (result i32)
      ${code})
    (func (export "${BODIES}${name}_post") (param i32) (global.set $top (i32.const 4096)))`;
  const core = await parse(`(module
    (import "cm32p2|enmesh:filter/host@0.1" "log" (func $log (param i32 i32 i32)))
    (import "cm32p2|enmesh:filter/host@0.1" "property" (func $property (param i32 i32 i32)))
    (memory (export "cm32p2_memory") ${pages})
    (global $top (mut i32) (i32.const 4096))
    ${globals}
    (data (i32.const 2048) "${data}")
    (func (export "cm32p2_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (block $enough
        (br_if $enough (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
        (br_if $enough (i32.ne (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))
          (i32.const -1)))
        unreachable)
      (local.get $at))
    (func (export "cm32p2_initialize") ${filter.initialize ?? ""})
    (func (export "${HANDLER}configure") (param $at i32) (param $len i32) (result i32) ${filter.configure ?? FINE})
    (func (export "${HANDLER}configure_post") (param i32) (global.set $top (i32.const 4096)))
    (func (export "${HANDLER}on-request") (param $call i32) (param i32 i32 i32 i32 i32 i32) (param $path i32)
      (param $pathlen i32) (param $headers i32) (param $count i32) (param $end i32) (result i32)
      ${filter.onRequest ?? FINE})
    (func (export "${HANDLER}on-request_post") (param i32) (global.set $top (i32.const 4096)))
    (func (export "${HANDLER}on-response") (param $call i32) (param $status i32) (param $headers i32) (param $count i32)
      (param $end i32) (result i32) ${filter.onResponse ?? FINE})
    (func (export "${HANDLER}on-response_post") (param i32) (global.set $top (i32.const 4096)))
    ${
    bodies === undefined ? "" : `${body("on-request-body", bodies.request)} ${body("on-response-body", bodies.response)}
    (func (export "${BODIES}on-done") (param $call i32) ${bodies.done ?? ""})
    (func (export "${BODIES}on-done_post"))`
  })`);
  const world = bodies === undefined ? "filter" : "body-filter";
  return new Uint8Array(await componentNew(await componentEmbed({ binary: core, witSource: wit, world }), []));
}
