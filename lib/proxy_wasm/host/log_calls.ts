import type { LogLevel } from "../../internal/logger.ts";
import { Status } from "../abi.ts";
import { nanoseconds } from "../nanoseconds.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** Levels of the interface: trace, debug, info, warn, error, critical. */
const LEVELS: readonly LogLevel[] = ["debug", "debug", "info", "warning", "error", "error"];
/** Longer lines are cut off: a module may not fill the log at will. */
const MAX_LINE = 16 * 1024;
const INFO = 2;

/** Log lines of modules, and the time. These work without a context, for modules log while they start. */
export const logCalls: HostGroup = (vm) => ({
  proxy_log(level: number, message: number, size: number) {
    const name = LEVELS[level >>> 0];
    if (name === undefined) return Status.BAD_ARGUMENT;
    const bytes = vm.memory.view(message, size);
    if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
    logLine(vm, name, bytes);
    return Status.OK;
  },
  // The logger takes every level and decides by itself what it writes: modules are asked for what people read.
  proxy_get_log_level: (levelOut: number) =>
    vm.memory.writeU32(levelOut, INFO) ? Status.OK : Status.INVALID_MEMORY_ACCESS,
  proxy_get_current_time_nanoseconds: (timeOut: number) =>
    vm.memory.writeU64(timeOut, nanoseconds(vm.host.clock.now())) ? Status.OK : Status.INVALID_MEMORY_ACCESS,
});

/** Writes a line of a module, with the names of VM and plugin before it as Envoy does. */
export function logLine(vm: Vm, level: LogLevel, bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes.length > MAX_LINE ? bytes.subarray(0, MAX_LINE) : bytes);
  const plugin = vm.context?.root.config.name ?? "";
  vm.host.logger.log(level, `wasm log ${plugin}: ${text}`, { vmId: vm.config.vmId });
}
