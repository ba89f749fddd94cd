import type { RootContext } from "./root_context.ts";

/** A plugin whose code is compiled: all that is left to do is to start it, which takes no waiting. */
export interface PreparedPlugin {
  /**
   * Starts it.
   *
   * @throws {Error} Where the VM does not start, or the module refuses its configuration.
   */
  start(): RootContext;
}
