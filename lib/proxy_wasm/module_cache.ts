import type { WasmModule } from "./runtime/runtime.ts";

/** Modules kept without being used, for the plugin that is taken away and put back. */
const KEPT = 8;

/**
 * Compiled modules by what they were compiled from. A module is kept for as long as anyone uses it, and the newest few
 * for longer; what is being compiled is compiled once, whoever asks for it.
 */
export class ModuleCache {
  readonly #modules = new Map<string, WeakRef<WasmModule>>();
  readonly #pending = new Map<string, Promise<WasmModule>>();
  /** The newest, in the order of their use. */
  readonly #kept = new Map<string, WasmModule>();
  readonly #forgotten = new FinalizationRegistry<string>((key) => {
    if (this.#modules.get(key)?.deref() === undefined) this.#modules.delete(key);
  });

  /** Modules it knows. */
  get size(): number {
    return this.#modules.size;
  }

  /**
   * The module of that key.
   *
   * @param key Engine and digest of the code.
   * @param compile Compiles it, where it is not here.
   */
  get(key: string, compile: () => Promise<WasmModule>): Promise<WasmModule> {
    const known = this.#modules.get(key)?.deref();
    if (known !== undefined) {
      this.#keep(key, known);
      return Promise.resolve(known);
    }
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#compile(key, compile);
      this.#pending.set(key, pending);
    }
    return pending;
  }

  /** Forgets every module. */
  clear(): void {
    this.#kept.clear();
    this.#modules.clear();
  }

  async #compile(key: string, compile: () => Promise<WasmModule>): Promise<WasmModule> {
    try {
      const module = await compile();
      this.#modules.set(key, new WeakRef(module));
      this.#forgotten.register(module, key);
      this.#keep(key, module);
      return module;
    } finally {
      this.#pending.delete(key);
    }
  }

  #keep(key: string, module: WasmModule): void {
    this.#kept.delete(key);
    this.#kept.set(key, module);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
  }
}
