import wabt from "wabt";
import type { LogLevel } from "../../lib/internal/logger.ts";
import type { ClusterCalls } from "../../lib/proxy_wasm/cluster_calls.ts";
import type { HostEnvironment } from "../../lib/proxy_wasm/host_environment.ts";
import { PluginConfig, type PluginOptions, type VmConfig } from "../../lib/proxy_wasm/plugin_config.ts";
import type { RootContext } from "../../lib/proxy_wasm/root_context.ts";
import { chooseRuntimes, type RuntimeChoice } from "../../lib/proxy_wasm/runtime/choose_runtimes.ts";
import { V8Module, v8Runtime } from "../../lib/proxy_wasm/runtime/v8.ts";
import { SharedDataTable } from "../../lib/proxy_wasm/shared_data_table.ts";
import { SharedQueueTable } from "../../lib/proxy_wasm/shared_queue_table.ts";
import { Vm } from "../../lib/proxy_wasm/vm.ts";
import { WasmHost } from "../../lib/proxy_wasm/wasm_host.ts";
import { MetricRegistry } from "../../lib/telemetry/metric_registry.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

const toolkit = await wabt();

/** Assembles a module written as text. */
export function assemble(wat: string): Uint8Array {
  const module = toolkit.parseWat("test.wat", wat);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/**
 * A Proxy-Wasm module: the marker of ABI 0.2.1, a memory of two pages and an allocator that never frees, around what is
 * given. Text of the test stands below 1024, out-pointers from 1024, the heap begins at 4096.
 *
 * @param imports Import lines.
 * @param body Everything else; `$log(ptr, len)` logs at info where `proxy_log` is imported as `$proxy_log`.
 * @param marker Export that says the version.
 */
export function proxyModule(imports: string, body: string, marker = "proxy_abi_version_0_2_1"): Uint8Array {
  return assemble(`(module
    ${imports}
    (memory (export "memory") 2)
    (global $heap (mut i32) (i32.const 4096))
    (func (export "${marker}"))
    (func $malloc (export "proxy_on_memory_allocate") (param $n i32) (result i32)
      (local $p i32)
      (local.set $p (global.get $heap))
      (global.set $heap (i32.add (global.get $heap) (local.get $n)))
      (local.get $p))
    ${body})`);
}

/** A host environment on a fake clock, which keeps log lines. */
export class TestEnvironment implements HostEnvironment {
  readonly clock: FakeClock = new FakeClock();
  readonly timers: FakeClock = this.clock;
  readonly lines: string[] = [];
  readonly logger = { log: (level: LogLevel, message: string): void => void this.lines.push(`${level} ${message}`) };
  readonly fillRandom = (bytes: Uint8Array): void => void bytes.fill(7);
  readonly metrics: MetricRegistry = new MetricRegistry();
  readonly sharedData: SharedDataTable = new SharedDataTable();
  readonly queues: SharedQueueTable = new SharedQueueTable(this.clock);
  /** @default {none} */
  readonly clusters: ClusterCalls | null;

  /** @param clusters What modules can call. */
  constructor(clusters: ClusterCalls | null = null) {
    this.clusters = clusters;
  }

  readonly node = {
    id: "sidecar~10.0.0.1~test.default~default.svc.cluster.local",
    cluster: "test.default",
    metadata: {},
  };

  /** What the module has logged, without the prefix. */
  get logged(): string[] {
    return this.lines.flatMap((line) => /wasm log [^:]*: (.*)$/s.exec(line)?.[1] ?? []);
  }
}

/** A plugin configuration of a module. */
export function pluginConfig(
  bytes: Uint8Array,
  overrides: Partial<Omit<PluginOptions, "vm">> & { vm?: Partial<VmConfig> } = {},
): PluginConfig {
  const { vm, ...rest } = overrides;
  return new PluginConfig({
    name: "test",
    rootId: "",
    configuration: new Uint8Array(0),
    failurePolicy: "closed",
    reload: { baseMs: 1000, maxMs: 10_000 },
    allowOnHeadersStopIteration: false,
    ...rest,
    vm: {
      vmId: "vm",
      runtime: "v8",
      code: { kind: "inline", bytes },
      configuration: new Uint8Array(0),
      environment: new Map(),
      capabilities: null,
      ...vm,
    },
  });
}

/** A VM of a module with a root that has not been started. */
export function vmOf(
  bytes: Uint8Array,
  environment: HostEnvironment = new TestEnvironment(),
  overrides: Parameters<typeof pluginConfig>[1] = {},
): { vm: Vm; root: RootContext } {
  const config = pluginConfig(bytes, overrides);
  const module = new V8Module(new WebAssembly.Module(bytes as BufferSource));
  const vm = new Vm({ runtime: v8Runtime, module, config: config.vm, host: environment, location: "test" });
  return { vm, root: vm.createRoot(config) };
}

/** A host with that environment, on engines so chosen. */
export function wasmHost(environment: HostEnvironment = new TestEnvironment(), choice: RuntimeChoice = {}): WasmHost {
  return new WasmHost({ environment, runtimes: chooseRuntimes(choice) });
}
