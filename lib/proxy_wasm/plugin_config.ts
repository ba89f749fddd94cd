import type { ModuleSource } from "./source/module_source.ts";

/** What becomes of requests while a plugin does not run (`FailurePolicy` of Envoy). */
export type FailurePolicy =
  /** They are answered with 503. */
  | "closed"
  /** They pass the filter by. */
  | "open"
  /** As `closed`, and a new VM is started after a pause. */
  | "reload";

/** Pause before a new VM is started (`ReloadConfig` of Envoy). */
export interface ReloadBackoff {
  /** @default {1000} */
  readonly baseMs: number;
  /** @default {10 times `baseMs`} */
  readonly maxMs: number;
}

/** What a VM is made of (`envoy.extensions.wasm.v3.VmConfig`). */
export interface VmConfig {
  /** VMs of the same id, code and configuration are one; shared data and queues are by this id. */
  readonly vmId: string;
  /** Name of the runtime, as configured: `envoy.wasm.runtime.v8` and the like. */
  readonly runtime: string;
  readonly source: ModuleSource;
  /** What `proxy_on_vm_start` can read. */
  readonly configuration: Uint8Array;
  /** Environment variables of the module, by name. */
  readonly environment: ReadonlyMap<string, string>;
  /** Imports and exports the module may use; `null` for all. */
  readonly capabilities: ReadonlySet<string> | null;
}

/** What a filter is made of (`envoy.extensions.wasm.v3.PluginConfig`). */
export interface PluginConfig {
  readonly name: string;
  /** Which of the module's roots it is. */
  readonly rootId: string;
  readonly vm: VmConfig;
  /** What `proxy_on_configure` can read. */
  readonly configuration: Uint8Array;
  readonly failurePolicy: FailurePolicy;
  readonly reload: ReloadBackoff;
  /** Whether a pause at headers lets the callbacks with content run (Envoy's `allow_on_headers_stop_iteration`). */
  readonly allowOnHeadersStopIteration: boolean;
}
