import type { GuestFunction, ImportTable, WasmImport, WasmInstance, WasmModule, WasmRuntime } from "./runtime.ts";

/** Code compiled by the engine that runs this program. */
export class V8Module implements WasmModule {
  /** The engine's own object. */
  readonly module: WebAssembly.Module;
  readonly imports: readonly WasmImport[];
  readonly functions: ReadonlySet<string>;

  /** @param module The engine's own object. */
  constructor(module: WebAssembly.Module) {
    this.module = module;
    this.imports = WebAssembly.Module.imports(module) as WasmImport[];
    this.functions = new Set(
      WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function").map(({ name }) => name),
    );
  }
}

/**
 * Runs modules in the engine that runs this program, without limits: the fastest runtime, for modules that are trusted
 * not to loop for ever.
 */
export const v8Runtime: WasmRuntime = {
  name: "v8",
  async compile(bytes) {
    return new V8Module(await WebAssembly.compile(bytes as BufferSource));
  },
  instantiate: (module, imports) => instantiateV8(module, imports),
};

/**
 * Makes an instance in this engine.
 *
 * @param module What {@linkcode v8Runtime} compiled.
 * @param imports Functions of the host; every one the module wants must be there.
 */
export function instantiateV8(module: WasmModule, imports: ImportTable): WasmInstance {
  if (!(module instanceof V8Module)) {
    throw new TypeError("Cannot instantiate the module: it was compiled by another runtime; compile it with this one");
  }
  const { exports } = new WebAssembly.Instance(module.module, imports as WebAssembly.Imports);
  const { memory } = exports;
  if (!(memory instanceof WebAssembly.Memory)) {
    throw new TypeError("Cannot instantiate the module: it exports no memory; export one named 'memory'");
  }
  if (!(memory.buffer instanceof ArrayBuffer)) {
    throw new TypeError(
      "Cannot instantiate the module: its memory is shared between threads; build it without threads",
    );
  }
  return {
    memory: memory as { readonly buffer: ArrayBuffer },
    guard: null,
    function(name) {
      const found = exports[name];
      return typeof found === "function" ? found as GuestFunction : null;
    },
  };
}
