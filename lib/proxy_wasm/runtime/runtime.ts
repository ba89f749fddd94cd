/**
 * The interface of an engine, which joining names as well.
 *
 * @module
 */
export type {
  GuestFunction,
  HostFunction,
  ImportTable,
  WasmImport,
  WasmInstance,
  WasmMemory,
  WasmModule,
  WasmRuntime,
} from "../../internal/wasm_runtime.ts";
