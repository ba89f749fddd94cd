import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import { SharedDataTable } from "./proxy_wasm/shared_data_table.ts";
import { SharedQueueTable } from "./proxy_wasm/shared_queue_table.ts";
import { chooseRuntimes, type RuntimeChoice } from "./proxy_wasm/runtime/choose_runtimes.ts";
import type { OpenSource } from "./proxy_wasm/source/open_source.ts";
import { WasmHost } from "./proxy_wasm/wasm_host.ts";
import type { LocalNode } from "./telemetry/local_node.ts";
import type { MetricRegistry } from "./telemetry/metric_registry.ts";
import type { ClusterClient } from "./upstream/cluster_client.ts";

/** What the mesh lends to its Wasm plugins. */
export interface MeshWasmOptions {
  readonly clock: Clock;
  readonly timers: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly node: LocalNode;
  /** Where the code of modules comes from. */
  readonly openSource: OpenSource;
  /** Where modules call. */
  readonly clusters: ClusterClient;
  /** The engine, and limits. */
  readonly runtime: RuntimeChoice;
}

/** The Wasm host of a mesh: one for both directions, so that plugins share VMs across them. */
export function meshWasmHost(
  { clock, timers, logger, metrics, node, clusters, runtime, openSource }: MeshWasmOptions,
): WasmHost {
  return new WasmHost({
    runtimes: chooseRuntimes(runtime),
    openSource,
    environment: {
      clock,
      timers,
      logger,
      metrics,
      node,
      fillRandom: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
      sharedData: new SharedDataTable(),
      queues: new SharedQueueTable(clock),
      clusters,
    },
  });
}
