import { type Hash64, xxHash64 } from "../internal/xx_hash64.ts";
import { randomHash } from "./random_hash.ts";
import type { Random } from "../internal/random.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";
import { murmurHash2 } from "./murmur_hash2.ts";
import { sortedByHash } from "./sorted_by_hash.ts";

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
  /** Index of the host of each entry. */
  readonly #entries: Uint32Array;
  readonly #hosts: readonly H[];
  readonly #random: Random;

  /**
   * @param hosts The hosts, with weights that are parts of 1.
   * @param options Size and hash function of the ring.
   * @param random Used where a request has no hash.
   */
  constructor(hosts: readonly WeightedHost<H>[], options: RingHashOptions, random: Random) {
    this.#hosts = hosts.map(({ host }) => host);
    this.#random = random;
    const owners: number[] = [];
    const high: number[] = [];
    const low: number[] = [];
    const hash = options.ringHashFunction === "murmur_hash_2" ? murmurHash2 : xxHash64;
    const scale = scaleOf(hosts, options);
    let target = 0;
    for (const [index, { host, weight }] of hosts.entries()) {
      target += scale * weight;
      for (let i = 0; owners.length < target; i++) {
        const { hi, lo } = hash(`${host.hashKey}_${i}`);
        high.push(hi);
        low.push(lo);
        owners.push(index);
      }
    }
    const hi = Uint32Array.from(high);
    const lo = Uint32Array.from(low);
    const order = sortedByHash(hi, lo);
    this.#hi = order.map((index) => hi[index]!);
    this.#lo = order.map((index) => lo[index]!);
    this.#entries = order.map((index) => owners[index]!);
  }

  pick(hash: Hash64 | null, attempt: number): H | null {
    const size = this.#entries.length;
    if (size === 0) return null;
    const { hi, lo } = hash ?? randomHash(this.#random);
    const his = this.#hi;
    const los = this.#lo;
    // The first entry at or after the hash; past the last one the ring begins again.
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entryHi = his[middle]!;
      if (entryHi < hi || (entryHi === hi && los[middle]! < lo)) low = middle + 1;
      else high = middle;
    }
    return this.#hosts[this.#entries[(low + attempt) % size]!]!;
  }
}

/** Envoy: the least host gets a whole number of entries, unless the ring would grow beyond its maximum. */
function scaleOf(hosts: readonly WeightedHost<Host>[], options: RingHashOptions): number {
  const least = hosts.reduce((least, { weight }) => Math.min(least, weight), 1);
  return Math.min(Math.ceil(least * options.ringMinimumSize) / least, options.ringMaximumSize);
}
