import { type Random, randomInt } from "../internal/random.ts";
import { type Hash64, hashModulo } from "../internal/xx_hash64.ts";
import { EdfSchedule } from "./edf.ts";
import type { Host } from "./host.ts";
import type { HealthGroups, HostSet, LocalityGroup, PriorityGroup } from "./host_set.ts";
import type { LoadBalancer, PickContext, Picker, PickerFactory, WeightedHost } from "./load_balancer.ts";

/** Settings of {@linkcode PriorityBalancer}. */
export interface PriorityBalancerOptions {
  /** Whether localities share the traffic of their priority by weight. */
  readonly localityWeighted: boolean;
  /**
   * Whether the policy hashes: then the priority follows from the hash, and locality weights are part of the weights of
   * one table for each priority, for a locality chosen at random would scatter keys.
   */
  readonly hashing: boolean;
}

/** A list of hosts with the part of the traffic that goes to it. */
interface Source<H extends Host> {
  /** Upper bound of its share, in percent: the sum of the shares so far. */
  readonly upTo: number;
  readonly picker: Picker<H>;
}

/**
 * What all policies have in common, as in Envoy's `LoadBalancerBase`: choose a priority by its load, healthy or degraded
 * hosts of it (or all, in panic), a locality by weight, then let the policy choose; choose again while the host was
 * tried before.
 */
export class PriorityBalancer<H extends Host> implements LoadBalancer<H> {
  readonly #sources: readonly Source<H>[];
  readonly #only: Picker<H> | null;
  readonly #hashing: boolean;
  readonly #random: Random;

  /**
   * @param hosts The hosts.
   * @param options Localities and hashing.
   * @param factory Makes the policy's picker of a list.
   * @param random Source of randomness.
   */
  constructor(hosts: HostSet<H>, options: PriorityBalancerOptions, factory: PickerFactory<H>, random: Random) {
    const sources: Source<H>[] = [];
    let upTo = 0;
    const add = (share: number, picker: () => Picker<H>) => {
      if (share === 0) return;
      upTo += share;
      sources.push({ upTo, picker: picker() });
    };
    const list = (priority: PriorityGroup<H>, health: keyof HealthGroups<H>) =>
      pickerOf(priority, health, hosts.overprovisioningFactor, options, factory);
    for (const priority of hosts.priorities) {
      add(priority.load.healthy, () => list(priority, priority.load.panic ? "all" : "healthy"));
    }
    // Envoy lays the degraded shares behind all healthy ones.
    for (const priority of hosts.priorities) {
      add(priority.load.degraded, () => list(priority, priority.load.panic ? "all" : "degraded"));
    }
    this.#sources = sources;
    this.#only = sources.length === 1 ? sources[0]!.picker : null;
    this.#hashing = options.hashing;
    this.#random = random;
  }

  pick(context: PickContext): H | null {
    const { hash, excluded } = context;
    let host = this.#source(hash).pick(hash, 0);
    if (excluded === null || host === null) return host;
    // When every choice was tried before, Envoy takes the last one all the same.
    for (let attempt = 1; attempt <= context.maxReselections && excluded.includes(host); attempt++) {
      const other = this.#source(hash).pick(hash, attempt);
      if (other === null) return host;
      host = other;
    }
    return host;
  }

  #source(hash: Hash64 | null): Picker<H> {
    if (this.#only !== null) return this.#only;
    const at = this.#hashing && hash !== null ? hashModulo(hash, 100) : randomInt(this.#random, 100);
    for (const source of this.#sources) if (at < source.upTo) return source.picker;
    return this.#sources[this.#sources.length - 1]!.picker;
  }
}

function pickerOf<H extends Host>(
  priority: PriorityGroup<H>,
  health: keyof HealthGroups<H>,
  overprovisioning: number,
  options: PriorityBalancerOptions,
  factory: PickerFactory<H>,
): Picker<H> {
  const flat = () => factory(priority[health].map(ownWeight));
  if (!options.localityWeighted) return flat();
  if (options.hashing) {
    const hosts = applyLocalityWeights(priority.localities, health);
    return hosts.length === 0 ? flat() : factory(hosts);
  }
  // In panic Envoy ignores localities.
  if (health === "all") return flat();
  const localities = priority.localities
    .map((locality) => ({ locality, weight: effectiveWeight(locality, health, overprovisioning) }))
    .filter(({ weight }) => weight > 0);
  if (localities.length === 0) return flat();
  const pickers = localities.map(({ locality, weight }) => ({
    weight,
    picker: factory(locality[health].map(ownWeight)),
  }));
  if (pickers.length === 1) return pickers[0]!.picker;
  const schedule = new EdfSchedule(pickers, ({ weight }) => weight);
  return { pick: (hash, attempt) => schedule.pick()!.picker.pick(hash, attempt) };
}

/** A locality's weight shrinks once its usable part, overprovisioned, falls below the whole. */
function effectiveWeight<H extends Host>(
  locality: LocalityGroup<H>,
  health: "healthy" | "degraded",
  overprovisioning: number,
): number {
  if (locality.all.length === 0) return 0;
  return locality.weight * Math.min(1, (overprovisioning / 100) * locality[health].length / locality.all.length);
}

/** Envoy's `normalizeLocalityWeights`: the share of the locality, divided among its hosts by their weights. */
function applyLocalityWeights<H extends Host>(
  localities: readonly LocalityGroup<H>[],
  health: keyof HealthGroups<H>,
): WeightedHost<H>[] {
  const used = localities.filter((locality) => locality.weight > 0 && locality[health].length > 0);
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  return used.flatMap((locality) => {
    const hosts = locality[health];
    const share = locality.weight / total;
    const sum = hosts.reduce((sum, { weight }) => sum + weight, 0);
    return hosts.map((host) => ({ host, weight: host.weight * share / sum }));
  });
}

function ownWeight<H extends Host>(host: H): WeightedHost<H> {
  return { host, weight: host.weight };
}
