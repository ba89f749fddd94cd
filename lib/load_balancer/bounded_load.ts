import type { Random } from "../internal/random.ts";
import type { Hash64 } from "../internal/xx_hash64.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";
import { MersenneTwister } from "./mersenne_twister.ts";
import { randomHash } from "./random_hash.ts";

/** Settings of {@linkcode BoundedLoadPicker}. */
export interface BoundedLoadOptions {
  /** Percent of its fair share that a host may have under way (`hash_balance_factor`). */
  readonly balanceFactor: number;
  /** Requests under way in the whole cluster. */
  readonly active: () => number;
  readonly random: Random;
}

/**
 * Consistent hashing with bounded loads, as Envoy has it: a host that has more than its share under way passes the
 * request on, to the others in an order that follows from the hash, and to the least loaded where all have too much.
 */
export class BoundedLoadPicker<H extends Host> implements Picker<H> {
  readonly #hosts: readonly WeightedHost<H>[];
  readonly #weights: ReadonlyMap<H, number>;
  readonly #inner: Picker<H>;
  readonly #options: BoundedLoadOptions;

  /**
   * @param hosts The hosts, with weights that are parts of 1.
   * @param inner The ring or table of the same hosts.
   * @param options The bound.
   */
  constructor(hosts: readonly WeightedHost<H>[], inner: Picker<H>, options: BoundedLoadOptions) {
    this.#hosts = hosts;
    this.#weights = new Map(hosts.map(({ host, weight }) => [host, weight]));
    this.#inner = inner;
    this.#options = options;
  }

  pick(hash: Hash64 | null, attempt: number): H | null {
    const key = hash ?? randomHash(this.#options.random);
    const host = this.#inner.pick(key, attempt);
    if (host === null) return null;
    const slots = Math.floor(((this.#options.active() + 1) * this.#options.balanceFactor + 99) / 100);
    const overload = overloadOf(host, this.#weights.get(host)!, slots);
    return overload <= 1 ? host : this.#another(key, host, overload, slots);
  }

  #another(hash: Hash64, host: H, overload: number, slots: number): H {
    const hosts = this.#hosts;
    const order = Uint32Array.from(hosts, (_, index) => index);
    const random = new MersenneTwister(hash.lo);
    let least = host;
    for (let i = 0; i < hosts.length; i++) {
      const j = i + random.below(hosts.length - i);
      const index = order[j]!;
      order[j] = order[i]!;
      order[i] = index;
      const other = hosts[index]!;
      if (other.host === host) continue;
      const its = overloadOf(other.host, other.weight, slots);
      if (its <= 1) return other.host;
      if (its < overload) {
        least = other.host;
        overload = its;
      }
    }
    return least;
  }
}

function overloadOf(host: Host, weight: number, slots: number): number {
  return host.active / Math.max(Math.ceil(slots * weight), 1);
}
