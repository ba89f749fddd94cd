import type { Timer } from "../internal/clock.ts";
import { BufferType, Status, type StatusCode } from "./abi.ts";
import { Context } from "./context.ts";
import { FixedBuffer, type GuestBuffer } from "./guest_buffer.ts";
import type { HeaderMap } from "./header_map.ts";
import type { PluginConfig } from "./plugin_config.ts";
import { descend } from "./properties/json_property.ts";
import { nodeProperty } from "./properties/xds_property.ts";
import type { PropertyValue } from "./property_value.ts";
import type { Vm } from "./vm.ts";

/** What a root was handed for the callback under way: the response of a call, a message of a gRPC stream. */
export interface Delivered {
  /** Headers or trailers of it, by `MapType`; `null` for other types. */
  headerMap(type: number): HeaderMap | null;
  /** Bytes of it, by `BufferType`; `null` for other types. */
  buffer(type: number): GuestBuffer | null;
}

/** What a module has declared of a property (`declare_property`). */
export interface DeclaredProperty {
  /** Whether it can be set only once. */
  readonly readonly: boolean;
}

/** The root of one plugin in a VM: it is configured, ticks, and receives what its streams have called for. */
export class RootContext extends Context {
  /** The plugin's configuration. */
  readonly config: PluginConfig;
  /** What the callback under way was handed; `null` outside of such callbacks. Whoever sets it takes it away again. */
  delivered: Delivered | null = null;
  /** What `proxy_get_status` answers: the outcome of the call the callback under way is about. */
  status: { readonly code: number; readonly message: string } = NO_STATUS;
  /** What the module has declared of the properties it sets, by name; the first declaration stays. */
  readonly declaredProperties: Map<string, DeclaredProperty> = new Map();
  /** Which configuration the callback under way may read. */
  #configuring: "none" | "vm" | "plugin" = "none";
  #donePending = false;
  #closing = false;
  #closed = false;
  #streams = 0;
  readonly #closers: (() => void)[] = [];

  /**
   * @param vm The VM it lives in.
   * @param id Its number.
   * @param config The plugin's configuration.
   */
  constructor(vm: Vm, id: number, config: PluginConfig) {
    super(vm, id);
    this.config = config;
  }

  override get root(): RootContext {
    return this;
  }

  /** Whether it is gone: nothing may be delivered to it any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Calls `closer` when this root goes away, at once where it has: timers, calls and listeners end with it. */
  onClose(closer: () => void): void {
    if (this.#closed) closer();
    else this.#closers.push(closer);
  }

  /**
   * Creates the context in the module and configures it: `on_context_create`, `on_vm_start`, `on_configure`.
   *
   * @returns Whether the module accepts its configuration. Where it traps, the VM says so.
   */
  start(): boolean {
    const { vm, id, config } = this;
    const { exports } = vm;
    vm.run(this, exports.onContextCreate, id, 0);
    this.#configuring = "vm";
    let accepted = exports.onVmStart === null ||
      vm.run(this, exports.onVmStart, id, config.vm.configuration.length) !== 0;
    if (accepted) {
      this.#configuring = "plugin";
      accepted = exports.onConfigure === null ||
        vm.run(this, exports.onConfigure, id, config.configuration.length) !== 0;
    }
    this.#configuring = "none";
    return accepted && vm.failure === null;
  }

  /** Notes that a stream lives under this root. */
  addStream(): void {
    this.#streams++;
  }

  /** Notes that a stream is gone. */
  removeStream(): void {
    if (--this.#streams === 0 && this.#closing) this.#end();
  }

  /** Ends it once its last stream is gone: `on_done`, and `on_delete` at once or when the module says `proxy_done`. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#streams === 0) this.vm.defer(() => this.#end());
  }

  #end(): void {
    if (this.#closed || this.#donePending) return;
    const { vm, id } = this;
    const { onDone } = vm.exports;
    if (vm.failure === null && onDone !== null && vm.run(this, onDone, id) === 0) this.#donePending = true;
    // A module that failed at that will never say that it is done.
    if (!this.#donePending || vm.failure !== null) this.dispose();
    // One that never says it would keep its memory for ever.
    else this.onClose(cancelling(vm.host.timers.timer(DONE_LIMIT_MS, () => this.dispose())));
  }

  override done(): StatusCode {
    if (!this.#donePending) return Status.NOT_FOUND;
    this.#donePending = false;
    this.vm.defer(() => this.dispose());
    return Status.OK;
  }

  /** Deletes it in the module, and lets go of everything that was begun for it. */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#donePending = false;
    for (const closer of this.#closers.splice(0)) closer();
    const { vm, id } = this;
    vm.run(this, vm.exports.onDelete, id);
    vm.remove(this);
  }

  /** A configuration, where the callback under way may read it. */
  configurationBuffer(type: number): GuestBuffer | null {
    if (type === BufferType.VM_CONFIGURATION) return new FixedBuffer(this.config.vm.configuration);
    if (type === BufferType.PLUGIN_CONFIGURATION && this.#configuring === "plugin") {
      return new FixedBuffer(this.config.configuration);
    }
    return null;
  }

  /** What `proxy_get_configuration` of ABI 0.1.0 answers: the plugin's in `on_configure`, else the VM's. */
  get legacyConfiguration(): Uint8Array {
    return this.#configuring === "plugin" ? this.config.configuration : this.config.vm.configuration;
  }

  /** Properties that belong to the plugin rather than to a stream. */
  pluginProperty(path: readonly string[]): PropertyValue | undefined {
    if (path[0] === "node") return descend(nodeProperty(this.vm.host.node, path.slice(1)), path, 2);
    if (path.length !== 1) return undefined;
    switch (path[0]) {
      case "plugin_name":
        return this.config.name;
      case "plugin_root_id":
        return this.config.rootId;
      case "plugin_vm_id":
        return this.config.vm.vmId;
    }
    return undefined;
  }
}

/** How long a module may put off its end, in milliseconds. Envoy has no limit. */
const DONE_LIMIT_MS = 30_000;

function cancelling(timer: Timer): () => void {
  return () => timer.cancel();
}

const NO_STATUS = { code: 0, message: "" };
