import { Buffer } from "node:buffer";
import type { ModuleLocation } from "./source/module_location.ts";

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
  /** Shortest pause, in milliseconds; up to half as much again is added at random. @default {1000} */
  readonly baseMs: number;
  /** Has no meaning, as in Envoy: the pause does not grow. @default {10 times `baseMs`} */
  readonly maxMs: number;
}

/** What a VM is made of (`envoy.extensions.wasm.v3.VmConfig`). */
export interface VmConfig {
  /** VMs of the same id, code and configuration are one; shared data and queues are by this id. */
  readonly vmId: string;
  /** Name of the runtime, as configured: `envoy.wasm.runtime.v8` and the like. */
  readonly runtime: string;
  readonly code: ModuleLocation;
  /** What `proxy_on_vm_start` can read. */
  readonly configuration: Uint8Array;
  /** Environment variables of the module, by name. */
  readonly environment: ReadonlyMap<string, string>;
  /** Imports and exports the module may use; `null` for all. */
  readonly capabilities: ReadonlySet<string> | null;
}

/** What a filter is made of (`envoy.extensions.wasm.v3.PluginConfig`). */
export interface PluginOptions {
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

/** The configuration of a plugin, as filters keep it. */
export class PluginConfig implements PluginOptions {
  readonly name: string;
  readonly rootId: string;
  readonly vm: VmConfig;
  readonly configuration: Uint8Array;
  readonly failurePolicy: FailurePolicy;
  readonly reload: ReloadBackoff;
  readonly allowOnHeadersStopIteration: boolean;

  /** @param options What it is made of. */
  constructor(options: PluginOptions) {
    this.name = options.name;
    this.rootId = options.rootId;
    this.vm = options.vm;
    this.configuration = options.configuration;
    this.failurePolicy = options.failurePolicy;
    this.reload = options.reload;
    this.allowOnHeadersStopIteration = options.allowOnHeadersStopIteration;
  }

  /** Text that plugins have in common which can be one. @param code Key of their code. */
  key(code: string): string {
    const { name, rootId, configuration, failurePolicy, reload, allowOnHeadersStopIteration } = this;
    const options = [name, rootId, hex(configuration), failurePolicy, reload, allowOnHeadersStopIteration];
    return JSON.stringify([vmKey(this.vm, code), options]);
  }
}

/** Text that VMs have in common which can be one: what they are made of. @param code Key or digest of their code. */
export function vmKey({ runtime, vmId, configuration, environment, capabilities }: VmConfig, code: string): string {
  const allowed = capabilities === null ? null : [...capabilities].sort();
  return JSON.stringify([runtime, vmId, code, hex(configuration), [...environment].sort(), allowed]);
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
