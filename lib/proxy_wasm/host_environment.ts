import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { MetricRegistry } from "../telemetry/metric_registry.ts";
import type { LocalNode } from "../telemetry/local_node.ts";
import type { ClusterCalls } from "./cluster_calls.ts";
import type { SharedData } from "./shared_data.ts";
import type { SharedQueues } from "./shared_queues.ts";

/** What modules can reach of the world, the same for every VM of a mesh. */
export interface HostEnvironment {
  readonly clock: Clock;
  /** Timers by the thousand, coarse and cheap: ticks and time limits of calls. */
  readonly timers: Clock;
  readonly logger: Logger;
  /** Fills bytes with randomness fit for keys. At most 65,536 at once. */
  readonly fillRandom: (bytes: Uint8Array) => void;
  /** Where the metrics of modules are kept. */
  readonly metrics: MetricRegistry;
  /** Data that VMs of the same id share. */
  readonly sharedData: SharedData;
  /** Queues between VMs. */
  readonly queues: SharedQueues;
  /** Calls to clusters; `null` where there are none, and every cluster is then unknown. */
  readonly clusters: ClusterCalls | null;
  /** Our own node. */
  readonly node: LocalNode;
}
