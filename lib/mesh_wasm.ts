import { fileSystem } from "./bootstrap/file_source.ts";
import type { WasmSettings } from "./bootstrap/wasm_settings.ts";
import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import type { Random } from "./internal/random.ts";
import { openCacheFolder } from "./proxy_wasm/source/cache_folder.ts";
import { DiskCache } from "./proxy_wasm/source/disk_cache.ts";
import { HttpGet } from "./proxy_wasm/source/http_get.ts";
import { MemoryCache } from "./proxy_wasm/source/memory_cache.ts";
import { ModuleFetcher } from "./proxy_wasm/source/module_fetcher.ts";
import { openSources } from "./proxy_wasm/source/open_source.ts";
import type { SharedData } from "./proxy_wasm/shared_data.ts";
import type { SharedQueues } from "./proxy_wasm/shared_queues.ts";
import { WasmHost } from "./proxy_wasm/wasm_host.ts";
import type { LocalNode } from "./telemetry/local_node.ts";
import type { MetricRegistry } from "./telemetry/metric_registry.ts";
import type { Connector } from "./transport/connector.ts";

/** What the mesh lends to its Wasm plugins. */
export interface MeshWasmOptions {
  readonly clock: Clock;
  readonly timers: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly node: LocalNode;
  /** How modules are fetched and kept. */
  readonly settings: WasmSettings;
  readonly connector: Connector;
  readonly random: Random;
}

/** The Wasm host of a mesh: one for both directions, so that plugins share VMs across them. */
export function meshWasmHost(options: MeshWasmOptions): WasmHost {
  const { clock, timers, logger, metrics, node } = options;
  return new WasmHost({
    openSource: openSources(moduleFetcher(options)),
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

/** Istio's agent takes no larger module. */
const MAX_MODULE_BYTES = 256 * 1024 * 1024;
/** A VM keeps what it has compiled: the bytes are needed for another VM only. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_DISK_BYTES = 1024 * 1024 * 1024;

function moduleFetcher({ settings, connector, random, clock, logger }: MeshWasmOptions): ModuleFetcher {
  const { cacheFolder, dockerConfigFolder, insecureRegistries, requestTimeoutMs, maxTries } = settings;
  const { moduleExpiryMs: expiryMs, purgeIntervalMs } = settings;
  return new ModuleFetcher({
    http: new HttpGet({ connector, clock, random, logger, requestTimeoutMs, maxTries }),
    memory: new MemoryCache({ clock, maxBytes: MAX_MEMORY_BYTES, expiryMs }),
    disk: cacheFolder === null ? null : new DiskCache({
      folder: openCacheFolder(cacheFolder),
      clock,
      logger,
      maxBytes: MAX_DISK_BYTES,
      expiryMs,
      purgeIntervalMs,
    }),
    clock,
    logger,
    maxBytes: MAX_MODULE_BYTES,
    insecureRegistries,
    async dockerConfig() {
      if (dockerConfigFolder === null) return null;
      const file = await fileSystem.read(`${dockerConfigFolder}/config.json`);
      return file.kind === "text" ? file.text : null;
    },
  });
}
