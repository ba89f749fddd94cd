import type { HostFunction } from "../runtime/runtime.ts";
import type { Vm } from "../vm.ts";

/** Functions of the host by name, as the module imports them from `env` (or from WASI). */
export type HostFunctions = Readonly<Record<string, HostFunction>>;

/**
 * A group of functions the host offers, made for one VM. The functions find what they act on in `vm.context` (`null`
 * while the module starts or allocates: they then answer `INTERNAL_FAILURE`), the world in `vm.host`, and the module's
 * memory in `vm.memory`. They check every argument and never throw.
 */
export type HostGroup = (vm: Vm) => HostFunctions;
