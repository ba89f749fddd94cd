import { guardedRuntime, type GuardedRuntimeOptions } from "./guarded.ts";
import type { WasmRuntime } from "./runtime.ts";
import { v8Runtime } from "./v8.ts";

/** What modules run on, and within which limits. */
export interface RuntimeChoice extends GuardedRuntimeOptions {
  /**
   * The engine of everything that does not ask to be guarded.
   * @default {"v8"}
   */
  readonly runtime?: "v8" | "guarded" | WasmRuntime;
}

/** Names of engines in configurations: whichever is asked for, modules run on the one that is here. */
const NAMES: readonly string[] = [
  "",
  "v8",
  "envoy.wasm.runtime.v8",
  "envoy.wasm.runtime.wasmtime",
  "envoy.wasm.runtime.wamr",
  "envoy.wasm.runtime.wavm",
];

/**
 * Engines by the names configurations use. Envoy's names all mean the chosen one, so that no configuration gets round
 * it; `guarded` means the guarded one, whatever was chosen, so that one filter alone can be guarded.
 *
 * @param choice What was chosen.
 */
export function chooseRuntimes({ runtime = "v8", ...limits }: RuntimeChoice = {}): ReadonlyMap<string, WasmRuntime> {
  const guarded = guardedRuntime(limits);
  const chosen = runtime === "v8" ? v8Runtime : runtime === "guarded" ? guarded : runtime;
  return new Map([...NAMES.map((name): [string, WasmRuntime] => [name, chosen]), ["guarded", guarded]]);
}
