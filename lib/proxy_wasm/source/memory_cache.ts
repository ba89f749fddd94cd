import type { Clock } from "../../internal/clock.ts";

/** Bounds of a {@linkcode MemoryCache}. */
export interface MemoryCacheOptions {
  readonly clock: Clock;
  /** Most bytes of all entries together. */
  readonly maxBytes: number;
  /** Milliseconds an entry is kept without being used. */
  readonly expiryMs: number;
}

/** Modules by their SHA-256; those not used for longest go first. */
export class MemoryCache {
  readonly #options: MemoryCacheOptions;
  /** The least recently used first. */
  readonly #entries = new Map<string, { readonly bytes: Uint8Array; usedAt: number }>();
  #size = 0;

  /** @param options Its bounds. */
  constructor(options: MemoryCacheOptions) {
    this.#options = options;
  }

  /** The module of that digest; `null` where it is not here. */
  get(digest: string): Uint8Array | null {
    this.#expire();
    const entry = this.#entries.get(digest);
    if (entry === undefined) return null;
    this.#entries.delete(digest);
    entry.usedAt = this.#options.clock.monotonic();
    this.#entries.set(digest, entry);
    return entry.bytes;
  }

  /** Keeps a module, unless it is larger than all there is room for. */
  set(digest: string, bytes: Uint8Array): void {
    const { clock, maxBytes } = this.#options;
    this.#drop(digest);
    if (bytes.length > maxBytes) return;
    this.#entries.set(digest, { bytes, usedAt: clock.monotonic() });
    this.#size += bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= maxBytes) break;
      this.#drop(oldest);
    }
  }

  #expire(): void {
    const { clock, expiryMs } = this.#options;
    const before = clock.monotonic() - expiryMs;
    for (const [digest, { usedAt }] of this.#entries) {
      if (usedAt > before) break;
      this.#drop(digest);
    }
  }

  #drop(digest: string): void {
    this.#size -= this.#entries.get(digest)?.bytes.length ?? 0;
    this.#entries.delete(digest);
  }
}
