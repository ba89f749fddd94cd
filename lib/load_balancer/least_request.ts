import { type Random, randomInt } from "../internal/random.ts";
import { EdfSchedule } from "./edf.ts";
import type { Host } from "./host.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";

/** Settings of {@linkcode LeastRequestPicker}, Envoy's `LeastRequestLbConfig`. */
export interface LeastRequestOptions {
  /** How many hosts are looked at where weights are equal. @default {2} */
  readonly choiceCount: number;
  /** Exponent of the active requests where weights differ. @default {1} */
  readonly activeRequestBias: number;
  /** Looks at every host instead. @default {false} */
  readonly fullScan: boolean;
}

/**
 * LEAST_REQUEST as Envoy has it. Equal weights: of `choiceCount` random hosts the one with the fewest requests under
 * way (drawn with replacement), or of all hosts. Different weights: earliest deadline first by
 * `weight / (active + 1) ^ bias`.
 */
export class LeastRequestPicker<H extends Host> implements Picker<H> {
  readonly #hosts: readonly H[];
  readonly #choices: number;
  readonly #fullScan: boolean;
  readonly #random: Random;
  readonly #schedule: EdfSchedule<WeightedHost<H>> | null;

  /**
   * @param hosts The hosts.
   * @param options Choices and bias.
   * @param random Source of randomness.
   */
  constructor(hosts: readonly WeightedHost<H>[], options: LeastRequestOptions, random: Random) {
    this.#hosts = hosts.map(({ host }) => host);
    this.#choices = Math.max(2, options.choiceCount);
    this.#fullScan = options.fullScan;
    this.#random = random;
    const equal = hosts.every(({ weight }) => weight === hosts[0]!.weight);
    this.#schedule = equal ? null : weighted(hosts, options.activeRequestBias, random);
  }

  pick(): H | null {
    if (this.#schedule !== null) return this.#schedule.pick()?.host ?? null;
    const hosts = this.#hosts;
    const count = hosts.length;
    if (count < 2) return hosts[0] ?? null;
    if (this.#fullScan) return this.#least();
    let best = hosts[randomInt(this.#random, count)]!;
    for (let i = 1; i < this.#choices; i++) {
      const other = hosts[randomInt(this.#random, count)]!;
      if (other.active < best.active) best = other;
    }
    return best;
  }

  /** Of several hosts with the fewest requests each has the same chance. */
  #least(): H {
    let best = this.#hosts[0]!;
    let ties = 0;
    for (const host of this.#hosts) {
      if (host.active < best.active) ties = 0;
      else if (host.active > best.active) continue;
      if (randomInt(this.#random, ++ties) === 0) best = host;
    }
    return best;
  }
}

function weighted<H extends Host>(
  hosts: readonly WeightedHost<H>[],
  bias: number,
  random: Random,
): EdfSchedule<WeightedHost<H>> {
  const schedule = new EdfSchedule(hosts, (item) => leastRequestWeight(item, bias));
  for (let skip = randomInt(random, hosts.length); skip > 0; skip--) schedule.pick();
  return schedule;
}

/** A host's share by weight and requests under way. */
export function leastRequestWeight(item: WeightedHost<Host>, bias: number): number {
  if (bias === 1) return item.weight / (item.host.active + 1);
  return bias === 0 ? item.weight : item.weight / (item.host.active + 1) ** bias;
}
