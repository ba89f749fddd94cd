import { fileSystem } from "./bootstrap/file_source.ts";
import type { ModuleSettings } from "./bootstrap/module_settings.ts";
import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import type { Random } from "./internal/random.ts";
import { openCacheFolder } from "./proxy_wasm/source/cache_folder.ts";
import { DiskCache } from "./proxy_wasm/source/disk_cache.ts";
import { HttpGet } from "./proxy_wasm/source/http_get.ts";
import { MemoryCache } from "./proxy_wasm/source/memory_cache.ts";
import { ModuleFetcher } from "./proxy_wasm/source/module_fetcher.ts";
import type { Connector } from "./transport/connector.ts";

/** What a mesh fetches Wasm modules with. */
export interface MeshModuleFetcherOptions {
  readonly settings: ModuleSettings;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Istio's agent takes no larger module. */
const MAX_MODULE_BYTES = 256 * 1024 * 1024;
/** A VM keeps what it has compiled: the bytes are needed for another VM only. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_DISK_BYTES = 1024 * 1024 * 1024;

/** The module fetcher of a mesh. */
export function meshModuleFetcher(options: MeshModuleFetcherOptions): ModuleFetcher {
  const { settings, connector, random, clock, logger } = options;
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
