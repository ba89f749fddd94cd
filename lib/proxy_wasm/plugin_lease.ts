import type { PluginHandle } from "./plugin_handle.ts";

/** The use of a plugin by one layer. */
export class PluginLease {
  readonly handle: PluginHandle;
  readonly #release: () => void;

  /**
   * @param handle The plugin.
   * @param release Called when it is not used any more.
   */
  constructor(handle: PluginHandle, release: () => void) {
    this.handle = handle;
    this.#release = release;
  }

  /** Ends the use. Does nothing the second time. */
  release(): void {
    this.#release();
  }
}
