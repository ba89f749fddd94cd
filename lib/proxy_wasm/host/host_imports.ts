import { Status } from "../abi.ts";
import type { HostFunction, ImportTable, WasmModule } from "../runtime/runtime.ts";
import type { Vm } from "../vm.ts";
import { bufferCalls } from "./buffer_calls.ts";
import { configurationCalls } from "./configuration_calls.ts";
import { contextCalls } from "./context_calls.ts";
import { foreignCalls } from "./foreign_calls.ts";
import { grpcCalls } from "./grpc_calls.ts";
import { headerCalls } from "./header_calls.ts";
import type { HostGroup } from "./host_group.ts";
import { httpCalls } from "./http_calls.ts";
import { logCalls } from "./log_calls.ts";
import { metricCalls } from "./metric_calls.ts";
import { propertyCalls } from "./property_calls.ts";
import { sharedDataCalls } from "./shared_data_calls.ts";
import { sharedQueueCalls } from "./shared_queue_calls.ts";
import { streamCalls } from "./stream_calls.ts";
import { timerCalls } from "./timer_calls.ts";
import { toolchainCalls } from "./toolchain_calls.ts";
import { wasiCalls } from "./wasi_calls.ts";

const GROUPS: readonly HostGroup[] = [
  logCalls,
  headerCalls,
  bufferCalls,
  propertyCalls,
  streamCalls,
  contextCalls,
  configurationCalls,
  timerCalls,
  httpCalls,
  grpcCalls,
  sharedDataCalls,
  sharedQueueCalls,
  metricCalls,
  foreignCalls,
  toolchainCalls,
];

/** Modules of older toolchains import WASI by its former name. */
const WASI_MODULES: ReadonlySet<string> = new Set(["wasi_snapshot_preview1", "wasi_unstable"]);
/** `ENOTCAPABLE`. */
const WASI_NOT_CAPABLE = 76;
/** `ENOSYS`. */
const WASI_NOT_SUPPORTED = 52;

/**
 * The functions a module imports, and no others. What the host does not know, and what the module may not use, is there
 * all the same and refuses: a module is not refused for something it may never call.
 *
 * @param vm The VM it is for.
 * @param module What is to be instantiated.
 */
export function hostImports(vm: Vm, module: WasmModule): ImportTable {
  const env: Record<string, HostFunction> = {};
  for (const group of GROUPS) Object.assign(env, group(vm));
  const wasi = wasiCalls(vm);
  const { capabilities } = vm.config;
  const table: Record<string, Record<string, HostFunction>> = {};
  for (const { module: from, name, kind } of module.imports) {
    if (kind !== "function") continue;
    const ofWasi = WASI_MODULES.has(from);
    const allowed = capabilities === null || capabilities.has(name);
    const known = ofWasi ? wasi : from === "env" ? env : {};
    const found = Object.hasOwn(known, name) ? known[name]! : null;
    (table[from] ??= {})[name] = !allowed
      ? () => ofWasi ? WASI_NOT_CAPABLE : Status.INTERNAL_FAILURE
      : found ?? (() => ofWasi ? WASI_NOT_SUPPORTED : Status.UNIMPLEMENTED);
  }
  return table;
}
