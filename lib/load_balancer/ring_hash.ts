import type { Random } from "../internal/random.ts";
import { type Hash64, xxHash64 } from "../internal/xx_hash64.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";
import { normalize } from "./normalize.ts";
import { murmurHash2 } from "./murmur_hash2.ts";
import { randomHash } from "./random_hash.ts";

/** Settings of {@linkcode RingHashPicker}, Envoy's `RingHashLbConfig`. */
export interface RingHashOptions {
  readonly ringMinimumSize: number;
  readonly ringMaximumSize: number;
  readonly ringHashFunction: "xx_hash" | "murmur_hash_2";
}

/**
 * RING_HASH: the same ring as Envoy builds of the same hosts in the same order, so that a key lands where Envoy sends
 * it. The entries of a host are the hashes of `hashKey_0`, `hashKey_1` and so on.
 */
export class RingHashPicker<H extends Host> implements Picker<H> {
  readonly #hi: Uint32Array;
  readonly #lo: Uint32Array;
  readonly #hosts: readonly H[];
  readonly #random: Random;

  /**
   * @param hosts The hosts.
   * @param options Size and hash function of the ring.
   * @param random Used where a request has no hash.
   */
  constructor(hosts: readonly WeightedHost<H>[], options: RingHashOptions, random: Random) {
    const ring = buildRing(hosts, options);
    this.#hi = Uint32Array.from(ring, ({ hash }) => hash.hi);
    this.#lo = Uint32Array.from(ring, ({ hash }) => hash.lo);
    this.#hosts = ring.map(({ host }) => host);
    this.#random = random;
  }

  pick(hash: Hash64 | null, attempt: number): H | null {
    const size = this.#hosts.length;
    if (size === 0) return null;
    const { hi, lo } = hash ?? randomHash(this.#random);
    // The first entry at or after the hash; past the last one the ring begins again.
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entryHi = this.#hi[middle]!;
      if (entryHi < hi || (entryHi === hi && this.#lo[middle]! < lo)) low = middle + 1;
      else high = middle;
    }
    return this.#hosts[(low + attempt) % size]!;
  }
}

function buildRing<H extends Host>(
  hosts: readonly WeightedHost<H>[],
  options: RingHashOptions,
): { hash: Hash64; host: H }[] {
  const ring: { hash: Hash64; host: H }[] = [];
  if (hosts.length === 0) return ring;
  const normalized = normalize(hosts);
  const least = normalized.reduce((least, { weight }) => Math.min(least, weight), Infinity);
  // Envoy: the least host gets a whole number of entries, unless the ring would grow beyond its maximum.
  const scale = Math.min(Math.ceil(least * options.ringMinimumSize) / least, options.ringMaximumSize);
  const hash = options.ringHashFunction === "murmur_hash_2" ? murmurHash2 : xxHash64;
  let current = 0;
  let target = 0;
  for (const { host, weight } of normalized) {
    target += scale * weight;
    for (let i = 0; current < target; i++, current++) ring.push({ hash: hash(`${host.hashKey}_${i}`), host });
  }
  return ring.sort((a, b) => a.hash.hi - b.hash.hi || a.hash.lo - b.hash.lo);
}
