import type { Gathered } from "./gather.ts";
import type { JoinOptions } from "./join_options.ts";
import { fromOption, type Settings } from "./settings.ts";
import { readCount, readHosts, readPositiveDurationMs, readText } from "./values.ts";

/** How Wasm modules are fetched and kept; Istio's names and defaults. */
export interface ModuleSettings {
  /** Folder of the cache; `null` keeps modules in memory. */
  readonly cacheFolder: string | null;
  /** Registries and servers, with their ports, whose certificate need not be good; `*` for all. */
  readonly insecureRegistries: ReadonlySet<string>;
  /** Folder with the Docker configuration for images without a pull secret; `null` for none. */
  readonly dockerConfigFolder: string | null;
  /** Milliseconds of one try. */
  readonly requestTimeoutMs: number;
  /** Tries altogether. */
  readonly maxTries: number;
  /** Milliseconds a module is kept without being used. */
  readonly moduleExpiryMs: number;
  /** Milliseconds between two looks for those that expired. */
  readonly purgeIntervalMs: number;
}

/** Decides them. */
export function resolveModules(options: JoinOptions, { env }: Gathered, settings: Settings): ModuleSettings {
  const variable = (name: string) => ({ value: env.get(name), origin: `variable '${name}'` });
  const duration = (what: string, name: string, fallback: number) =>
    settings.chooseOr(what, [variable(name)], readPositiveDurationMs, fallback);
  return {
    cacheFolder: settings.choose("Wasm cache", [fromOption("wasmCache", options.wasmCache)], readText) ?? null,
    insecureRegistries: settings.chooseOr(
      "insecure Wasm registries",
      [fromOption("wasmInsecureRegistries", options.wasmInsecureRegistries), variable("WASM_INSECURE_REGISTRIES")],
      readHosts,
      new Set<string>(),
    ),
    dockerConfigFolder: settings.choose("Docker configuration", [variable("DOCKER_CONFIG")], readText) ?? null,
    requestTimeoutMs: duration("Wasm request timeout", "WASM_HTTP_REQUEST_TIMEOUT", 15_000),
    maxTries: settings.chooseOr("Wasm request tries", [variable("WASM_HTTP_REQUEST_MAX_RETRIES")], readCount, 5),
    moduleExpiryMs: duration("Wasm module expiry", "WASM_MODULE_EXPIRY", 24 * 3_600_000),
    purgeIntervalMs: duration("Wasm purge interval", "WASM_PURGE_INTERVAL", 3_600_000),
  };
}
