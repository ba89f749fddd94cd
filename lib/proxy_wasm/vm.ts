import { ABI_MARKERS, type AbiVersion } from "./abi.ts";
import type { Context } from "./context.ts";
import { ContextTable } from "./context_table.ts";
import { type GuestExports, guestExports, NO_EXPORTS } from "./guest_exports.ts";
import { GuestMemory } from "./guest_memory.ts";
import { hostImports } from "./host/host_imports.ts";
import type { HostEnvironment } from "./host_environment.ts";
import type { PluginConfig, VmConfig } from "./plugin_config.ts";
import { RootContext } from "./root_context.ts";
import type { GuestFunction, WasmInstance, WasmModule, WasmRuntime } from "./runtime/runtime.ts";
import { VmFailure } from "./vm_failure.ts";

/** What a VM is made of. */
export interface VmOptions {
  readonly runtime: WasmRuntime;
  readonly module: WasmModule;
  readonly config: VmConfig;
  readonly host: HostEnvironment;
  /** Where the code is from, for people. */
  readonly location: string;
}

/**
 * One instance of a module with its contexts. The only way into the module is {@linkcode Vm.run} (and
 * {@linkcode Vm.group} around several runs): whatever the module throws there fails this VM and nothing else.
 */
export class Vm {
  /** The version of the interface the module speaks. */
  readonly abi: AbiVersion;
  readonly config: VmConfig;
  readonly host: HostEnvironment;
  /** Where the code is from, for people. */
  readonly location: string;
  readonly memory: GuestMemory = new GuestMemory();
  /** The module's functions, those of `NO_EXPORTS` once it has failed or is closed. */
  exports: GuestExports = NO_EXPORTS;
  /** The context host functions act on; `null` while the module starts or allocates, when there is none. */
  context: Context | null = null;
  /** Why it does not run any more; `null` while it does. */
  failure: VmFailure | null = null;
  /** The context of the callback under way, whichever the module has made effective. */
  #current: Context | null = null;
  /** Callbacks under way: 0 or 1, but for what host functions call within them. */
  #depth = 0;
  #guard: WasmInstance["guard"] = null;
  #closed = false;
  readonly #contexts = new ContextTable<Context>();
  #deferred: (() => void)[] = [];
  readonly #failureListeners = new Set<(failure: VmFailure) => void>();

  /**
   * Makes an instance and starts it: `_initialize` and `main`, or `_start`.
   *
   * @param options What it is made of.
   * @throws {VmFailure} Where the module cannot be instantiated, is no Proxy-Wasm module, or fails at its start.
   */
  constructor({ runtime, module, config, host, location }: VmOptions) {
    this.config = config;
    this.location = location;
    this.host = host;
    try {
      this.abi = abiOf(module);
      const instance = runtime.instantiate(module, hostImports(this, module));
      this.#guard = instance.guard;
      const allocate = instance.function("proxy_on_memory_allocate") ?? instance.function("malloc");
      this.memory.attach(instance.memory, allocate === null ? null : this.#quietly(allocate));
      this.#start(instance);
      this.exports = guestExports(instance, config.capabilities);
      host.sharedData.retain(config.vmId);
      host.queues.retain(config.vmId);
    } catch (error) {
      this.memory.detach();
      throw error instanceof VmFailure ? error : new VmFailure(`start the VM of '${location}'`, error);
    }
  }

  /** Contexts that live, roots and streams. */
  get size(): number {
    return this.#contexts.size;
  }

  /** Whether a callback is under way: whoever wants to run another waits with {@linkcode Vm.defer}. */
  get busy(): boolean {
    return this.#depth > 0;
  }

  /** A number no living context has; the context of that number is to be added before another is asked for. */
  nextId(): number {
    return this.#contexts.nextId();
  }

  /** Adds a context: host functions find it by its number. */
  add(context: Context): void {
    this.#contexts.add(context);
  }

  /** Removes a context. Host functions of a callback that had made it effective act on their own context again. */
  remove(context: Context): void {
    this.#contexts.remove(context);
    if (this.context === context) this.context = this.#current === context ? null : this.#current;
  }

  /** The context of that number. */
  find(id: number): Context | undefined {
    return this.#contexts.find(id);
  }

  /** Creates the root of a plugin, which is then to be started. */
  createRoot(config: PluginConfig): RootContext {
    const root = new RootContext(this, this.nextId(), config);
    this.add(root);
    return root;
  }

  /**
   * Runs a function of the module for a context. Nothing is thrown: where the module fails, the VM has failed, and 0 is
   * returned, as from a module that does not have the function.
   *
   * @param context Whose callback it is.
   * @param callback The function; `null` for one the module does not have.
   * @param a Its arguments; it takes as many as it has.
   */
  run(context: Context, callback: GuestFunction | null, a = 0, b = 0, c = 0, d = 0, e = 0): number {
    if (callback === null || this.failure !== null) return 0;
    const outer = this.#current;
    const effective = this.context;
    this.#current = this.context = context;
    this.#depth++;
    let result = 0;
    try {
      result = this.#guard === null
        ? callback(a, b, c, d, e) as number
        : this.#guard(() => callback(a, b, c, d, e) as number);
    } catch (error) {
      this.fail(new VmFailure("run a callback", error));
    }
    this.#current = outer;
    this.context = effective;
    if (--this.#depth === 0 && this.#deferred.length > 0) this.#runDeferred();
    return result;
  }

  /**
   * Runs a task that enters the module several times as one entry, under one guard where the runtime has any: entering is
   * dear there. What the task returns is returned; 0 where the module was stopped within.
   */
  group(task: () => number): number {
    if (this.#guard === null || this.#depth > 0 || this.failure !== null) return task();
    this.#depth = 1;
    let result = 0;
    try {
      result = this.#guard(task);
    } catch (error) {
      this.fail(new VmFailure("run a group of callbacks", error));
    }
    // A guard stops the module wherever it is: what was begun within is not undone there.
    this.context = this.#current = null;
    this.#depth = 0;
    if (this.#deferred.length > 0) this.#runDeferred();
    return result;
  }

  /** Does something once the callback under way is over; at once where there is none. */
  defer(task: () => void): void {
    if (this.#depth === 0) task();
    else this.#deferred.push(task);
  }

  /**
   * Gives the VM up: the module is never called again. Listeners, and then contexts, are told once the callback under way
   * is over.
   */
  fail(failure: VmFailure): void {
    if (this.failure !== null) return;
    this.failure = failure;
    this.exports = NO_EXPORTS;
    this.host.logger.log("error", `Wasm: ${failure.message}`, { module: this.location });
    this.defer(() => {
      // Streams under way may hold this object for long; the instance is of no use to them.
      this.memory.detach();
      this.#guard = null;
      const listeners = [...this.#failureListeners];
      this.#failureListeners.clear();
      for (const listener of listeners) listener(failure);
      for (const context of this.#contexts.all()) context.vmFailed();
    });
  }

  /**
   * Tells of the failure of this VM; not where it has failed already.
   *
   * @returns Stops telling.
   */
  onFailure(listener: (failure: VmFailure) => void): () => void {
    this.#failureListeners.add(listener);
    return () => this.#failureListeners.delete(listener);
  }

  /** Lets go of the instance, so that it can be collected whoever still holds this object. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.host.sharedData.release(this.config.vmId);
    this.host.queues.release(this.config.vmId);
    this.exports = NO_EXPORTS;
    this.memory.detach();
    this.#guard = null;
    this.#contexts.clear();
    this.#failureListeners.clear();
    this.context = null;
  }

  /** Makes another context effective for the callback under way, 0 its own; `false` where there is none of that number. */
  setEffective(id: number): boolean {
    if (id === 0) {
      this.context = this.#current;
      return true;
    }
    const context = this.#contexts.find(id);
    if (context === undefined) return false;
    this.context = context;
    return true;
  }

  /** The allocator without a context: what it calls of the host has nothing to act on. */
  #quietly(allocate: GuestFunction): GuestFunction {
    return (size) => {
      const effective = this.context;
      this.context = null;
      const pointer = allocate(size!);
      this.context = effective;
      return pointer;
    };
  }

  #start(instance: WasmInstance): void {
    const guard = <T>(task: () => T) => instance.guard === null ? task() : instance.guard(task);
    const initialize = instance.function("_initialize");
    if (initialize === null) {
      const start = instance.function("_start");
      if (start !== null) guard(() => start());
      return;
    }
    guard(() => initialize());
    const main = instance.function("main");
    if (main !== null) guard(() => main(0, 0));
    else {
      const mainVoid = instance.function("__main_void");
      if (mainVoid !== null) guard(() => mainVoid());
    }
  }

  #runDeferred(): void {
    for (let tasks = this.#deferred; tasks.length > 0; tasks = this.#deferred) {
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }
}

function abiOf(module: WasmModule): AbiVersion {
  for (const [marker, version] of ABI_MARKERS) if (module.functions.has(marker)) return version;
  const markers = [...ABI_MARKERS.keys()].join(", ");
  throw new TypeError(`Cannot tell the version of the interface: none of ${markers} is exported; use a Proxy-Wasm SDK`);
}
