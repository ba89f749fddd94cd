import type { Clock } from "../internal/clock.ts";
import { type Random, randomInt } from "../internal/random.ts";
import { EdfSchedule } from "./edf.ts";
import type { Host } from "./host.ts";
import type { Picker, PickerFactory, WeightedHost } from "./load_balancer.ts";

/** Settings of slow start, Envoy's `SlowStartConfig`. */
export interface SlowStartOptions {
  /** How long a host takes to get its whole share. */
  readonly slowStartWindowMs: number;
  /** Above 1 the share grows faster at first. Envoy's default is 1. */
  readonly slowStartAggression: number;
  /** Percent of its share that a host gets at least. Envoy's default is 10. */
  readonly slowStartMinWeightPercent: number;
}

/** The part of its weight that a host has by now, from 0 to 1. */
export function slowStartFactor(host: Host, options: SlowStartOptions, now: number): number {
  if (host.healthySince === null || host.health !== "healthy") return 1;
  const age = Math.floor(now - host.healthySince);
  if (age >= options.slowStartWindowMs) return 1;
  const time = Math.max(1, age) / options.slowStartWindowMs;
  const grown = options.slowStartAggression === 1 ? time : time ** (1 / options.slowStartAggression);
  return Math.max(grown, options.slowStartMinWeightPercent / 100);
}

/**
 * Makes the pickers of a policy warm new hosts up: while a host of the list is in its window all are chosen earliest
 * deadline first by weights that grow with time; afterwards the policy's own picker takes over.
 *
 * @param options The window.
 * @param weightOf A host's weight by the policy, slow start apart.
 * @param factory The policy's own pickers.
 */
export function withSlowStart<H extends Host>(
  options: SlowStartOptions,
  weightOf: (item: WeightedHost<H>) => number,
  factory: PickerFactory<H>,
  clock: Clock,
  random: Random,
): PickerFactory<H> {
  return (hosts, former) => {
    const until = hosts.reduce((last, { host }) => Math.max(last, host.healthySince ?? 0), 0) +
      options.slowStartWindowMs;
    if (hosts.length < 2 || clock.monotonic() > until) return factory(hosts, former);
    const warm = new EdfSchedule(
      hosts,
      (item) => weightOf(item) * slowStartFactor(item.host, options, clock.monotonic()),
    );
    for (let skip = randomInt(random, hosts.length); skip > 0; skip--) warm.pick();
    return new WarmingPicker(warm, until, () => factory(hosts, former), clock);
  };
}

class WarmingPicker<H extends Host> implements Picker<H> {
  #warm: EdfSchedule<WeightedHost<H>> | null;
  #settled: Picker<H> | null = null;
  readonly #until: number;
  readonly #settle: () => Picker<H>;
  readonly #clock: Clock;

  constructor(warm: EdfSchedule<WeightedHost<H>>, until: number, settle: () => Picker<H>, clock: Clock) {
    this.#warm = warm;
    this.#until = until;
    this.#settle = settle;
    this.#clock = clock;
  }

  pick(...of: Parameters<Picker<H>["pick"]>): H | null {
    if (this.#warm !== null) {
      if (this.#clock.monotonic() <= this.#until) return this.#warm.pick()?.host ?? null;
      this.#warm = null;
    }
    return (this.#settled ??= this.#settle()).pick(...of);
  }
}
