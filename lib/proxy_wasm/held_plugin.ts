import type { PluginLease } from "./plugin_lease.ts";

/** A plugin that starts before any layer needs it, and is not ended for want of one while this is kept. */
export class HeldPlugin {
  readonly #lease: PluginLease;

  /** @param lease The plugin, in use for as long as this is. */
  constructor(lease: PluginLease) {
    this.#lease = lease;
  }

  /** Settles when it runs or cannot. */
  get ready(): Promise<void> {
    return this.#lease.handle.settled;
  }
}
