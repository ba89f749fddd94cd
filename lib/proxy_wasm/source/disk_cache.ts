import type { Clock } from "../../internal/clock.ts";
import type { Logger } from "../../internal/logger.ts";
import { reasonOf } from "../../resource/issues.ts";
import { type CacheFolder, PARTIAL } from "./cache_folder.ts";
import { sha256 } from "./sha256.ts";

/** What a {@linkcode DiskCache} works with. */
export interface DiskCacheOptions {
  readonly folder: CacheFolder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most bytes of all modules together. */
  readonly maxBytes: number;
  /** Milliseconds a file is kept without being used. Istio: `WASM_MODULE_EXPIRY`, 24 h. */
  readonly expiryMs: number;
  /** Milliseconds between two looks for what has expired. Istio: `WASM_PURGE_INTERVAL`, 1 h. */
  readonly purgeIntervalMs: number;
}

/** A partial file older than this was left behind by a process that is gone, in milliseconds. */
const ABANDONED_MS = 3_600_000;
const MODULE = /^([0-9a-f]{64})\.wasm$/;

/**
 * Modules in a folder, by their SHA-256, and what names stood for (`references`): they survive the process, and several
 * processes share them. What is read is checked against its name, so that a damaged file is as good as none. A folder that
 * cannot be used is none, either: that is said once, and modules are fetched.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  #purgedAt: number | null = null;
  #broken = false;

  /** @param options Where, and how much. */
  constructor(options: DiskCacheOptions) {
    this.#options = options;
  }

  /** The module of that digest; `null` where it is not here. */
  async get(digest: string): Promise<Uint8Array | null> {
    const name = `${digest}.wasm`;
    const bytes = await this.#try("read", (folder) => folder.read(name), null);
    if (bytes === null) return null;
    if (sha256(bytes) !== digest) {
      this.#options.logger.log(
        "warning",
        `Dropped a damaged module from the cache: '${name}' is not what its name says`,
      );
      await this.#try("write", (folder) => folder.remove(name), undefined);
      return null;
    }
    await this.#touch(name);
    return bytes;
  }

  /** Keeps a module. */
  async set(digest: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#options.maxBytes) return;
    await this.#try("write", (folder) => folder.write(`${digest}.wasm`, bytes), undefined);
    await this.#purge(true);
  }

  /** What a name stood for; `null` where nothing is known. */
  async reference(key: string): Promise<string | null> {
    const name = `${sha256(key)}.ref`;
    const bytes = await this.#try("read", (folder) => folder.read(name), null);
    const text = bytes === null ? "" : new TextDecoder().decode(bytes);
    if (!text.endsWith(`\n${key}`)) return null;
    await this.#touch(name);
    return text.slice(0, text.indexOf("\n"));
  }

  /** Remembers what a name stands for: one line. */
  async setReference(key: string, value: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${value}\n${key}`);
    await this.#try("write", (folder) => folder.write(`${sha256(key)}.ref`, bytes), undefined);
  }

  async #touch(name: string): Promise<void> {
    const { clock } = this.#options;
    await this.#try("write", (folder) => folder.touch(name, clock.now()), undefined);
    await this.#purge(false);
  }

  /** Removes what has expired, then the least recently used until the rest is small enough. */
  async #purge(grown: boolean): Promise<void> {
    const { clock, maxBytes, expiryMs, purgeIntervalMs } = this.#options;
    const now = clock.now();
    const due = this.#purgedAt === null || now - this.#purgedAt >= purgeIntervalMs;
    if (!due && !grown) return;
    if (due) this.#purgedAt = now;
    const files = await this.#try("read", (folder) => folder.list(), []);
    const modules = files.filter(({ name }) => MODULE.test(name)).sort((a, b) => b.usedAt - a.usedAt);
    const gone: string[] = [];
    let size = 0;
    for (const { name, size: bytes, usedAt } of modules) {
      size += bytes;
      // The newest stays, however large: it is the one that was just asked for.
      const crowded = size > maxBytes && name !== modules[0]!.name;
      if (crowded || (due && now - usedAt > expiryMs)) {
        gone.push(name);
        size -= bytes;
      }
    }
    for (const { name, usedAt } of due ? files : []) {
      if (name.endsWith(".ref") && now - usedAt > expiryMs) gone.push(name);
      if (name.endsWith(PARTIAL) && now - usedAt > ABANDONED_MS) gone.push(name);
    }
    for (const name of gone) await this.#try("write", (folder) => folder.remove(name), undefined);
  }

  async #try<T>(what: "read" | "write", act: (folder: CacheFolder) => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await act(this.#options.folder);
    } catch (error) {
      if (!this.#broken) {
        this.#options.logger.log(
          "warning",
          `Cannot ${what} the cache of Wasm modules: ${reasonOf(error)}; check the option 'wasmCache', and allow to ` +
            "read and write that folder",
        );
      }
      this.#broken = true;
      return otherwise;
    }
  }
}
