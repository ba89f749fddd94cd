import type { Clock } from "../internal/clock.ts";
import type { Descriptor } from "../router/rate_limit_descriptors.ts";
import { TokenBucket, type TokenBucketSettings } from "./token_bucket.ts";

/** A descriptor with a bucket of its own. */
export interface LimitedDescriptor {
  /** An empty value stands for any: each value that occurs then has a bucket of its own. */
  readonly entries: Descriptor;
  readonly bucket: TokenBucketSettings;
}

/** What a {@linkcode LocalRateLimiter} goes by. */
export interface LocalRateLimiterSettings {
  /** The bucket of everything; `null` for none. */
  readonly bucket: TokenBucketSettings | null;
  readonly descriptors: readonly LimitedDescriptor[];
  /** Whether requests with a descriptor of their own take from the bucket of everything too. */
  readonly alwaysConsumeDefault: boolean;
}

/** What became of a request, and the bucket that decided, for the headers that tell the caller. */
export interface LimitResult {
  readonly allowed: boolean;
  readonly bucket: TokenBucket | null;
}

/** Buckets that one descriptor with wildcards keeps; the one used least lately makes room (`max_dynamic_descriptors`). */
const MAX_DYNAMIC = 20;

/**
 * Limits requests by buckets: of the descriptors that match, the slowest first, then the bucket of everything.
 *
 * @see Envoy `LocalRateLimiterImpl`.
 */
export class LocalRateLimiter {
  readonly #settings: LocalRateLimiterSettings;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | null;
  readonly #exact = new Map<string, TokenBucket>();
  readonly #dynamic: { readonly descriptor: LimitedDescriptor; readonly buckets: Map<string, TokenBucket> }[] = [];

  /**
   * @param settings Buckets.
   * @param clock Time.
   */
  constructor(settings: LocalRateLimiterSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#bucket = settings.bucket === null ? null : new TokenBucket(settings.bucket, clock);
    for (const descriptor of settings.descriptors) {
      if (descriptor.entries.some(([, value]) => value === "")) {
        this.#dynamic.push({ descriptor, buckets: new Map() });
      } else this.#exact.set(keyOf(descriptor.entries), new TokenBucket(descriptor.bucket, clock));
    }
  }

  /** Takes tokens for a request. */
  take(descriptors: readonly Descriptor[]): LimitResult {
    const matched: TokenBucket[] = [];
    for (const descriptor of descriptors) {
      const bucket = this.#bucketOf(descriptor);
      if (bucket !== null) matched.push(bucket);
    }
    matched.sort((a, b) => a.fillRate - b.fillRate);
    for (const bucket of matched) if (!bucket.consume()) return { allowed: false, bucket };
    const first = matched[0] ?? null;
    if (this.#bucket === null || (first !== null && !this.#settings.alwaysConsumeDefault)) {
      return { allowed: true, bucket: first };
    }
    return this.#bucket.consume()
      ? { allowed: true, bucket: first ?? this.#bucket }
      : { allowed: false, bucket: this.#bucket };
  }

  #bucketOf(entries: Descriptor): TokenBucket | null {
    const key = keyOf(entries);
    const exact = this.#exact.get(key);
    if (exact !== undefined) return exact;
    const dynamic = this.#dynamic.find(({ descriptor }) => matches(descriptor.entries, entries));
    if (dynamic === undefined) return null;
    const { buckets, descriptor } = dynamic;
    const bucket = buckets.get(key) ?? new TokenBucket(descriptor.bucket, this.#clock);
    // The last one in the map is the one used last.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > MAX_DYNAMIC) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }
}

function keyOf(entries: Descriptor): string {
  return JSON.stringify(entries);
}

function matches(wanted: Descriptor, entries: Descriptor): boolean {
  return wanted.length === entries.length &&
    wanted.every(([key, value], index) => {
      const [otherKey, otherValue] = entries[index]!;
      return key === otherKey && (value === "" || value === otherValue);
    });
}
