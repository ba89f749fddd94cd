import type { HttpLayer, WasmLayers } from "../filter/http_filter.ts";
import type { HostEnvironment } from "./host_environment.ts";
import { wasmLayer } from "./http/wasm_layer.ts";
import { PluginConfig } from "./plugin_config.ts";
import { PluginHandle } from "./plugin_handle.ts";
import { PluginLease } from "./plugin_lease.ts";
import { HeldPlugin } from "./held_plugin.ts";
import { chooseRuntimes } from "./runtime/choose_runtimes.ts";
import type { WasmRuntime } from "./runtime/runtime.ts";

import { openLocalSource, type OpenSource } from "./source/open_source.ts";
import { VmStore } from "./vm_store.ts";

/** What the plugins of a mesh run on. */
export interface WasmHostOptions {
  readonly environment: HostEnvironment;
  /**
   * Engines by the name configurations use.
   * @default {the engine of this program, as `v8` and by Envoy's names, and the same with limits as `guarded`}
   */
  readonly runtimes?: ReadonlyMap<string, WasmRuntime>;
  /**
   * Where code is had from.
   * @default {inline and files}
   */
  readonly openSource?: OpenSource;
}

interface SharedHandle {
  readonly handle: PluginHandle;
  leases: number;
}

/**
 * The plugins of a mesh. Filters of the same configuration share a plugin, plugins of the same code a VM; both live as
 * long as a layer that runs them does, and outlive stacks.
 */
export class WasmHost implements WasmLayers {
  readonly #environment: HostEnvironment;
  readonly #store: VmStore;
  readonly #openSource: OpenSource;
  readonly #plugins = new Map<string, SharedHandle>();
  /** Layers have no end of their own: a plugin ends when nothing refers to its layers any more. */
  readonly #forgotten = new FinalizationRegistry<() => void>((release) => release());

  /** @param options What plugins run on. */
  constructor(options: WasmHostOptions) {
    this.#environment = options.environment;
    this.#store = new VmStore(options.environment, options.runtimes ?? chooseRuntimes());
    this.#openSource = options.openSource ?? openLocalSource;
  }

  /** VMs that run. */
  get vms(): number {
    return this.#store.size;
  }

  /** Compiled modules that are known. */
  get modules(): number {
    return this.#store.modules;
  }

  /** Plugins that are used. */
  get plugins(): number {
    return this.#plugins.size;
  }

  layer(plugin: object, name: string): HttpLayer {
    if (!(plugin instanceof PluginConfig)) {
      throw new TypeError(`Cannot make a layer of filter '${name}': its configuration is not that of a Wasm plugin`);
    }
    return wasmLayer(this.acquire(plugin), name);
  }

  prepare(plugin: object): { readonly ready: Promise<void> } {
    if (!(plugin instanceof PluginConfig)) {
      throw new TypeError("Cannot prepare a plugin: its configuration is not that of a Wasm plugin");
    }
    return new HeldPlugin(this.acquire(plugin));
  }

  /** A plugin to be used until the lease is released, or nothing refers to it any more. */
  acquire(config: PluginConfig): PluginLease {
    const source = this.#openSource(config.vm);
    const key = config.key(source.key);
    let shared = this.#plugins.get(key);
    if (shared === undefined) {
      const store = this.#store;
      const { clock, logger } = this.#environment;
      const handle = new PluginHandle({
        config,
        source,
        prepare: (...args) => store.prepare(...args),
        clock,
        random: () => randomOf(this.#environment),
        logger,
      });
      this.#plugins.set(key, shared = { handle, leases: 0 });
    }
    const { handle } = shared;
    shared.leases++;
    const release = this.#releaser(key, shared);
    const lease = new PluginLease(handle, release);
    this.#forgotten.register(lease, release);
    return lease;
  }

  /** Ends every plugin: streams under way keep theirs until they are over. */
  close(): void {
    for (const { handle } of this.#plugins.values()) handle.close();
    this.#plugins.clear();
  }

  #releaser(key: string, shared: SharedHandle): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--shared.leases > 0) return;
      if (this.#plugins.get(key) === shared) this.#plugins.delete(key);
      shared.handle.close();
    };
  }
}

/** A number from 0 to below 1, from the bytes the environment gives. */
function randomOf({ fillRandom }: HostEnvironment): number {
  const bytes = new Uint8Array(4);
  fillRandom(bytes);
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}
