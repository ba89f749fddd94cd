import { type Random, randomInt } from "../internal/random.ts";
import { type Hash64, hashModulo } from "../internal/xx_hash64.ts";
import type { ZoneAware } from "../resource/load_balancing.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host_set.ts";
import type { ExcludedPriorities, LoadBalancer, PickContext, Picker, PickerFactory } from "./load_balancer.ts";
import type { PickerStore } from "./picker_store.ts";
import type { PriorityLoad } from "./priority_load.ts";
import { randomHash } from "./random_hash.ts";
import { hashingSource, LazyPicker, prioritySource } from "./priority_source.ts";
import type { LocalCluster } from "./zone_routing.ts";

/** Settings of {@linkcode PriorityBalancer}. */
export interface PriorityBalancerOptions<H extends Host> {
  /** Whether localities share the traffic of their priority by weight. */
  readonly localityWeighted: boolean;
  /**
   * Whether the policy hashes: then the priority follows from the hash, and locality weights are part of the weights of
   * one table for each priority, for a locality chosen at random would scatter keys.
   */
  readonly hashing: boolean;
  readonly zoneAware: ZoneAware | null;
  /** The callers' own cluster, for zone-aware routing; `null` where it is not known. */
  readonly local: LocalCluster | null;
  /** Makes the policy's picker of a list. */
  readonly factory: PickerFactory<H>;
  /** Keeps pickers from one host set to the next. */
  readonly pickers: PickerStore<H>;
  /** Tells the lists of this balancer from those of others in the same store. */
  readonly prefix: string;
  readonly random: Random;
}

/** A list of hosts with the part of the traffic that goes to it. */
interface Source<H extends Host> {
  /** Upper bound of its share, in percent: the sum of the shares so far. */
  readonly upTo: number;
  readonly picker: Picker<H>;
}

/**
 * What all policies have in common, as in Envoy's `LoadBalancerBase`: choose a priority by its load, healthy or degraded
 * hosts of it (or all, in panic), a locality, then let the policy choose; choose again while the host was tried before.
 * Nothing is built before a request needs it.
 */
export class PriorityBalancer<H extends Host> implements LoadBalancer<H> {
  readonly #hosts: HostSet<H>;
  readonly #options: PriorityBalancerOptions<H>;
  readonly #sources: readonly Source<H>[];
  readonly #only: Picker<H> | null;
  /** Sources for retries that avoid priorities, by the priorities avoided. */
  #without: Map<string, readonly Source<H>[] | null> | null = null;

  /**
   * @param hosts The hosts.
   * @param options Localities, hashing, policy.
   */
  constructor(hosts: HostSet<H>, options: PriorityBalancerOptions<H>) {
    this.#hosts = hosts;
    this.#options = options;
    this.#sources = this.#sourcesOf(hosts.loads);
    this.#only = this.#sources.length === 1 ? this.#sources[0]!.picker : null;
  }

  pick(context: PickContext): H | null {
    let { hash } = context;
    const { hashing, random } = this.#options;
    if (hashing) hash ??= randomHash(random);
    // Envoy's policies that hash do not ask which priorities were tried.
    const sources = context.excludedPriorities === null || hashing ? null : this.#avoiding(context.excludedPriorities);
    let host = this.#source(hash, sources).pick(hash, 0);
    const { excluded } = context;
    if (excluded === null || host === null) return host;
    // When every choice was tried before, Envoy takes the last one all the same.
    for (let attempt = 1; attempt <= context.maxReselections && excluded.includes(host); attempt++) {
      const other = this.#source(hash, sources).pick(hash, attempt);
      if (other === null) return null;
      host = other;
    }
    return host;
  }

  #source(hash: Hash64 | null, avoiding: readonly Source<H>[] | null): Picker<H> {
    if (this.#only !== null && avoiding === null) return this.#only;
    const sources = avoiding ?? this.#sources;
    const { hashing, random } = this.#options;
    const at = hashing ? hashModulo(hash!, 100) : randomInt(random, 100);
    for (const source of sources) if (at < source.upTo) return source.picker;
    return sources[sources.length - 1]!.picker;
  }

  #avoiding(excluded: ExcludedPriorities): readonly Source<H>[] | null {
    const name = excluded.priorities.slice().sort().join();
    this.#without ??= new Map();
    let sources = this.#without.get(name);
    if (sources === undefined) {
      const loads = this.#hosts.loadsWithout(excluded.priorities);
      this.#without.set(name, sources = loads === null ? null : this.#sourcesOf(loads));
    }
    if (sources === null) excluded.reset();
    return sources;
  }

  #sourcesOf(loads: readonly PriorityLoad[]): Source<H>[] {
    const hosts = this.#hosts;
    const make = this.#options.hashing ? hashingSource : prioritySource;
    const sources: Source<H>[] = [];
    let upTo = 0;
    // Envoy lays the degraded shares behind all healthy ones.
    for (const health of ["healthy", "degraded"] as const) {
      for (const [priority, load] of loads.entries()) {
        if (load[health] === 0) continue;
        upTo += load[health];
        const picker = new LazyPicker(() => make(hosts, priority, load.panic, health, this.#options));
        sources.push({ upTo, picker });
      }
    }
    return sources;
  }
}
