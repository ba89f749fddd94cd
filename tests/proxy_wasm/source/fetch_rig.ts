import { systemClock } from "../../../lib/internal/clock.ts";
import { HttpGet } from "../../../lib/proxy_wasm/source/http_get.ts";
import { MemoryCache } from "../../../lib/proxy_wasm/source/memory_cache.ts";
import { ModuleFetcher, type ModuleFetcherOptions } from "../../../lib/proxy_wasm/source/module_fetcher.ts";
import type { ModuleRequest } from "../../../lib/proxy_wasm/source/module_request.ts";
import { createConnector } from "../../../lib/transport/connector.ts";
import { HandleRegistry } from "../../../lib/transport/handle_registry.ts";
import { LogBook } from "../../support/mesh_rig.ts";

/** A module that is one, with something to tell it from others. */
export function moduleOf(mark: number, size = 64): Uint8Array {
  const bytes = new Uint8Array(size).fill(mark);
  bytes.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  return bytes;
}

/** A fetcher on real sockets that tries again at once. */
export class FetchRig {
  readonly log = new LogBook();
  readonly handles = new HandleRegistry();
  readonly fetcher: ModuleFetcher;

  constructor(options: Partial<ModuleFetcherOptions> & { requestTimeoutMs?: number } = {}) {
    const { requestTimeoutMs = 15_000, ...others } = options;
    const clock = systemClock;
    this.fetcher = new ModuleFetcher({
      http: new HttpGet({
        connector: createConnector({ registry: this.handles, clock }),
        clock,
        random: Math.random,
        logger: this.log,
        requestTimeoutMs,
        maxTries: 5,
        initialBackoffMs: 1,
      }),
      memory: new MemoryCache({ clock, maxBytes: 1 << 20, expiryMs: 60_000 }),
      disk: null,
      clock,
      logger: this.log,
      maxBytes: 1 << 20,
      insecureRegistries: new Set(),
      dockerConfig: () => Promise.resolve(null),
      ...others,
    });
  }

  fetch(url: string, request: Partial<ModuleRequest> = {}, signal: AbortSignal = new AbortController().signal) {
    const defaults = { sha256: "", timeoutMs: 30_000, pullPolicy: null, pullSecret: null, resource: null };
    return this.fetcher.fetch({ url, ...defaults, ...request }, signal);
  }
}
