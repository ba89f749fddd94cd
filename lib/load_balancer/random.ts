import { type Random, randomInt } from "../internal/random.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";

/** RANDOM: any host with the same chance. Weights of endpoints are ignored, as in Envoy. */
export class RandomPicker<H extends Host> implements Picker<H> {
  readonly #hosts: readonly H[];
  readonly #random: Random;

  /**
   * @param hosts The hosts.
   * @param random Source of randomness.
   */
  constructor(hosts: readonly WeightedHost<H>[], random: Random) {
    this.#hosts = hosts.map(({ host }) => host);
    this.#random = random;
  }

  pick(): H | null {
    return this.#hosts[randomInt(this.#random, this.#hosts.length)] ?? null;
  }
}
