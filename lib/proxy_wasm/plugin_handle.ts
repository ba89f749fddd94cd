import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import { reasonOf } from "../resource/issues.ts";
import type { PluginConfig } from "./plugin_config.ts";
import type { PreparedPlugin } from "./prepared_plugin.ts";
import { ReloadSchedule } from "./reload_schedule.ts";
import type { RootContext } from "./root_context.ts";
import type { ModuleSource } from "./source/module_source.ts";

/** What a {@linkcode PluginHandle} is given from outside. */
export interface PluginHandleOptions {
  readonly config: PluginConfig;
  /** Its code. */
  readonly source: ModuleSource;
  /** Loads and compiles a plugin. @throws {Error} When any of it fails. */
  readonly prepare: (config: PluginConfig, source: ModuleSource, signal: AbortSignal) => Promise<PreparedPlugin>;
  readonly clock: Clock;
  /** Source of the jitter of pauses. */
  readonly random: Random;
  /** Told when it cannot be started, and when it is started again. */
  readonly logger: Logger;
}

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
  readonly #options: PluginHandleOptions;
  readonly #schedule: ReloadSchedule;
  readonly #stop = new AbortController();
  /** What it is started from again; `null` until it has run, for what never has is not tried again. */
  #prepared: PreparedPlugin | null = null;

  /**
   * Begins to start the plugin.
   *
   * @param options Its configuration and code, and how it is started.
   */
  constructor(options: PluginHandleOptions) {
    this.config = options.config;
    this.source = options.source;
    this.#options = options;
    this.#schedule = new ReloadSchedule(options.config.reload.baseMs, options.random);
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

  /**
   * The root for a new stream: the one that runs, or a new one where the policy is to reload and enough time has passed
   * since the last start. As in Envoy it is a request that starts it, so a plugin nobody needs is not started.
   *
   * @returns `null` where the plugin does not run.
   */
  acquireRoot(): RootContext | null {
    return this.#root ?? this.#reload();
  }

  /** Ends the plugin: streams under way keep their root until they are over. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#stop.abort();
    this.#root?.close();
    this.#root = null;
    this.#prepared = null;
  }

  async #load(): Promise<void> {
    const { config, source, prepare } = this.#options;
    try {
      const prepared = await prepare(config, source, this.#stop.signal);
      if (this.#state === "closed") return;
      this.#start(prepared);
    } catch (error) {
      this.#failed(error, "start");
    }
  }

  #reload(): RootContext | null {
    if (this.#state !== "failed" || this.#prepared === null || this.config.failurePolicy !== "reload") return null;
    const { clock, logger } = this.#options;
    if (!this.#schedule.mayStart(clock.monotonic())) return null;
    try {
      this.#start(this.#prepared);
      logger.log("warning", `Wasm plugin '${this.config.name}' runs again, in a new VM`, {
        module: this.source.location,
      });
    } catch (error) {
      this.#failed(error, "start again");
    }
    return this.#root;
  }

  #start(prepared: PreparedPlugin): void {
    this.#schedule.started(this.#options.clock.monotonic());
    const root = prepared.start();
    this.#prepared = prepared;
    this.#root = root;
    this.#state = "running";
    root.vm.onFailure(() => {
      if (this.#root !== root) return;
      this.#root = null;
      this.#state = "failed";
      root.close();
    });
  }

  #failed(error: unknown, doing: string): void {
    if (this.#state === "closed") return;
    this.#state = "failed";
    const { name } = this.config;
    this.#options.logger.log("error", `Cannot ${doing} Wasm plugin '${name}': ${reasonOf(error)}`, {
      module: this.source.location,
    });
  }
}
