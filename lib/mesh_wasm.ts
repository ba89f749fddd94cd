import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import type { SharedData } from "./proxy_wasm/shared_data.ts";
import type { SharedQueues } from "./proxy_wasm/shared_queues.ts";
import { WasmHost } from "./proxy_wasm/wasm_host.ts";
import type { LocalNode } from "./telemetry/local_node.ts";
import type { MetricRegistry } from "./telemetry/metric_registry.ts";

/** What the mesh lends to its Wasm plugins. */
export interface MeshWasmOptions {
  readonly clock: Clock;
  readonly timers: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly node: LocalNode;
}

/** The Wasm host of a mesh: one for both directions, so that plugins share VMs across them. */
export function meshWasmHost({ clock, timers, logger, metrics, node }: MeshWasmOptions): WasmHost {
  return new WasmHost({
    environment: {
      clock,
      timers,
      logger,
      metrics,
      node,
      fillRandom: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
      sharedData: NO_SHARED_DATA,
      queues: NO_QUEUES,
      clusters: null,
    },
  });
}

const NO_SHARED_DATA: SharedData = { get: () => null, set: () => false };
const NO_QUEUES: SharedQueues = {
  register: () => 0,
  resolve: () => null,
  enqueue: () => false,
  dequeue: () => undefined,
  forget: () => {},
};
