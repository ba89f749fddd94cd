/** A function of a module, as the host calls it: arguments and results are i32 (numbers) or i64 (bigints). */
export type GuestFunction = (...args: (number | bigint)[]) => number | bigint | undefined;

/** A function of the host, as a module calls it. Must not throw for anything a module passes. */
// Parameters differ from function to function, and only the module says which it takes.
export type HostFunction = (...args: never[]) => number | bigint | void;

/** Functions of the host by import module (`env`, `wasi_snapshot_preview1`) and name. */
export type ImportTable = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

/** Something a module imports. */
export interface WasmImport {
  /** Import module, `env` or `wasi_snapshot_preview1`. */
  readonly module: string;
  /** Name within that module. */
  readonly name: string;
  /** What it is; the host has functions only. */
  readonly kind: "function" | "table" | "memory" | "global" | "tag";
}

/** Compiled code, to be instantiated any number of times. */
export interface WasmModule {
  /** What it imports, in no particular order. */
  readonly imports: readonly WasmImport[];
  /** Names of the exported functions. */
  readonly functions: ReadonlySet<string>;
}

/** Memory of an instance. `buffer` is another object after each growth, and the former one is then detached. */
export interface WasmMemory {
  /** The bytes as they are now. */
  readonly buffer: ArrayBuffer;
}

/** A running instance of a module. */
export interface WasmInstance {
  /** The exported memory called `memory`. */
  readonly memory: WasmMemory;
  /** The exported function of that name, to be called directly; `null` where there is none. */
  function(name: string): GuestFunction | null;
  /**
   * Runs an entry of the host into the module under the limits of the runtime; `null` where the runtime has none, and
   * the host then calls functions directly. What a task calls within another task runs under the limits of the outer
   * one. Throws what the task throws, and throws by itself when the limit is passed.
   */
  readonly guard: (<T>(task: () => T) => T) | null;
}

/** An engine that runs WebAssembly. Third parties may pass their own. */
export interface WasmRuntime {
  /** Name in configurations and messages, for example `v8` or `guarded`. */
  readonly name: string;
  /**
   * Compiles a module, off the request path.
   * @throws {Error} When the bytes are no module this engine takes.
   */
  compile(bytes: Uint8Array): Promise<WasmModule>;
  /**
   * Makes an instance, with memory of its own. Runs the module's start section, if any, under the limits.
   * @throws {Error} When an import is missing, there is no memory, or the start section fails.
   */
  instantiate(module: WasmModule, imports: ImportTable): WasmInstance;
}
