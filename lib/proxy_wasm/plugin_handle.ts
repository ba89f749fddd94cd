import type { Logger } from "../internal/logger.ts";
import { reasonOf } from "../resource/issues.ts";
import type { PluginConfig } from "./plugin_config.ts";
import type { RootContext } from "./root_context.ts";
import type { ModuleSource } from "./source/module_source.ts";

/** Loads, compiles and starts a plugin. @throws {Error} When any of it fails. */
export type StartPlugin = (config: PluginConfig, source: ModuleSource, signal: AbortSignal) => Promise<RootContext>;

/** What of a plugin a request can use now. */
export type PluginState =
  /** The module is being fetched, compiled or started. */
  | "starting"
  | "running"
  /** It does not run: it could not be had, refused its configuration, or failed. */
  | "failed"
  | "closed";

/**
 * One plugin by its configuration, for all filters that have the same: its root in a VM, and what is known of it while
 * there is none.
 */
export class PluginHandle {
  readonly config: PluginConfig;
  readonly source: ModuleSource;
  #state: PluginState = "starting";
  #root: RootContext | null = null;
  #settled: Promise<void> = Promise.resolve();
  readonly #start: StartPlugin;
  readonly #logger: Logger;
  readonly #stop = new AbortController();

  /**
   * Begins to start the plugin.
   *
   * @param config Its configuration.
   * @param source Its code.
   * @param start Starts it; called again where the policy is to reload.
   * @param logger Told when it cannot be started.
   */
  constructor(config: PluginConfig, source: ModuleSource, start: StartPlugin, logger: Logger) {
    this.config = config;
    this.source = source;
    this.#start = start;
    this.#logger = logger;
    this.#settled = this.#load();
  }

  /** What of it can be used now. */
  get state(): PluginState {
    return this.#state;
  }

  /** The root under which streams are created; `null` while it does not run. */
  get root(): RootContext | null {
    return this.#root;
  }

  /** Settles when it is no longer starting, whichever way that ended. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Ends the plugin: streams under way keep their root until they are over. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#stop.abort();
    this.#root?.close();
    this.#root = null;
  }

  async #load(): Promise<void> {
    try {
      const root = await this.#start(this.config, this.source, this.#stop.signal);
      if (this.#state === "closed") return root.close();
      this.#root = root;
      this.#state = "running";
      root.vm.onFailure(() => {
        if (this.#root !== root) return;
        this.#root = null;
        this.#state = "failed";
        root.close();
      });
    } catch (error) {
      if (this.#state === "closed") return;
      this.#state = "failed";
      this.#logger.log("error", `Cannot start Wasm plugin '${this.config.name}': ${reasonOf(error)}`, {
        module: this.source.location,
      });
    }
  }
}
