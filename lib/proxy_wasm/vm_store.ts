import type { HostEnvironment } from "./host_environment.ts";
import { ModuleCache } from "./module_cache.ts";
import { type PluginConfig, vmKey } from "./plugin_config.ts";
import type { PreparedPlugin } from "./prepared_plugin.ts";
import type { RootContext } from "./root_context.ts";
import type { WasmModule, WasmRuntime } from "./runtime/runtime.ts";
import type { ModuleSource } from "./source/module_source.ts";
import { Vm } from "./vm.ts";

/** A VM with the number of roots in it. */
interface SharedVm {
  readonly vm: Vm;
  roots: number;
}

/** What VMs of one kind are made of. */
interface VmParts {
  readonly key: string;
  readonly runtime: WasmRuntime;
  readonly module: WasmModule;
  readonly location: string;
}

/**
 * The VMs of a mesh: plugins of the same VM id, code, configuration and environment share one, each with a root of its
 * own. Code is compiled once for each digest while anything uses it; a VM is closed with its last root.
 */
export class VmStore {
  readonly #host: HostEnvironment;
  readonly #runtimes: ReadonlyMap<string, WasmRuntime>;
  readonly #modules = new ModuleCache();
  readonly #vms = new Map<string, SharedVm>();

  /**
   * @param host What modules can reach.
   * @param runtimes Engines by the name configurations use.
   */
  constructor(host: HostEnvironment, runtimes: ReadonlyMap<string, WasmRuntime>) {
    this.#host = host;
    this.#runtimes = runtimes;
  }

  /** VMs that run. */
  get size(): number {
    return this.#vms.size;
  }

  /** Compiled modules that are known. */
  get modules(): number {
    return this.#modules.size;
  }

  /**
   * Loads and compiles a plugin, so that it can be started whenever it is wanted: in the VM of its kind where there is
   * one that runs, else in a new one.
   *
   * @param config What to start.
   * @param source Its code.
   * @param signal Gives it up.
   * @throws {Error} Where the code cannot be had or compiled.
   */
  async prepare(config: PluginConfig, source: ModuleSource, signal: AbortSignal): Promise<PreparedPlugin> {
    const runtime = this.#runtimes.get(config.vm.runtime);
    if (runtime === undefined) {
      const known = [...this.#runtimes.keys()].join(", ");
      throw new TypeError(`Cannot use runtime '${config.vm.runtime}': there is none of that name; use one of ${known}`);
    }
    const code = await source.load(signal);
    const digest = await sha256(code);
    const module = await this.#modules.get(`${runtime.name} ${digest}`, () => runtime.compile(code));
    signal.throwIfAborted();
    const parts: VmParts = { key: vmKey(config.vm, digest), runtime, module, location: source.location };
    return { start: () => this.#start(config, parts) };
  }

  #start(config: PluginConfig, { key, runtime, module, location }: VmParts): RootContext {
    let shared = this.#vms.get(key);
    if (shared === undefined || shared.vm.failure !== null) {
      const vm = new Vm({ runtime, module, config: config.vm, host: this.#host, location });
      this.#vms.set(key, shared = { vm, roots: 0 });
    }
    return this.#startRoot(key, shared, config);
  }

  #startRoot(key: string, shared: SharedVm, config: PluginConfig): RootContext {
    const { vm } = shared;
    shared.roots++;
    const root = vm.createRoot(config);
    root.onClose(() => {
      if (--shared.roots > 0) return;
      if (this.#vms.get(key) === shared) this.#vms.delete(key);
      // Its own deletion is still to run in the module.
      queueMicrotask(() => vm.close());
    });
    if (root.start()) return root;
    const { failure } = vm;
    root.dispose();
    throw failure ?? new Error("Cannot configure the module: it refuses its configuration; see what it has logged");
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
