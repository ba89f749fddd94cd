import type { Clock } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import type { LoadBalancing } from "../resource/load_balancing.ts";
import { BoundedLoadPicker } from "./bounded_load.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host_set.ts";
import { LeastRequestPicker, leastRequestWeight } from "./least_request.ts";
import type { LoadBalancer, PickerFactory } from "./load_balancer.ts";
import { MaglevPicker } from "./maglev.ts";
import { PickerStore } from "./picker_store.ts";
import { PriorityBalancer } from "./priority_balancer.ts";
import { RandomPicker } from "./random.ts";
import { RingHashPicker } from "./ring_hash.ts";
import { RoundRobinPicker } from "./round_robin.ts";
import { withSlowStart } from "./slow_start.ts";
import { SubsetBalancer } from "./subset_balancer.ts";
import type { LocalCluster } from "./zone_routing.ts";

/** What a load balancer works with. */
export interface BalancerDeps<H extends Host> {
  readonly random: Random;
  readonly clock: Clock;
  /** Requests under way in the cluster, for bounded loads. */
  readonly active: () => number;
  /** Keeps pickers from one host set of the cluster to the next. @default {a new one} */
  readonly pickers?: PickerStore<H>;
  /** The callers' own cluster, for zone-aware routing. @default {null} */
  readonly local?: LocalCluster | null;
}

/**
 * The load balancer of a cluster. `cluster_provided` makes sense only with ORIGINAL_DST, which has its own
 * (`original_dst.ts`); elsewhere it is treated as `random`.
 *
 * @param settings The cluster's load balancing.
 * @param hosts Its hosts at this moment.
 * @param deps Randomness, time.
 */
export function createLoadBalancer<H extends Host>(
  settings: LoadBalancing,
  hosts: HostSet<H>,
  deps: BalancerDeps<H>,
): LoadBalancer<H> {
  const hashing = settings.policy === "ring_hash" || settings.policy === "maglev";
  const factory = pickerFactory<H>(settings, deps);
  const pickers = deps.pickers ?? new PickerStore<H>();
  const balancer = (hosts: HostSet<H>, prefix: string, localityWeighted: boolean) =>
    new PriorityBalancer(hosts, {
      localityWeighted,
      hashing,
      zoneAware: settings.zoneAware,
      local: deps.local ?? null,
      factory,
      pickers,
      prefix,
      random: deps.random,
    });
  const { subset, localityWeighted } = settings;
  if (subset === null) return balancer(hosts, "", localityWeighted);
  return new SubsetBalancer(hosts, subset, (hosts, name) => {
    return balancer(hosts, `${name}/`, localityWeighted && subset.localityWeightAware);
  });
}

function pickerFactory<H extends Host>(settings: LoadBalancing, deps: BalancerDeps<H>): PickerFactory<H> {
  const { random, clock } = deps;
  switch (settings.policy) {
    case "least_request": {
      const plain: PickerFactory<H> = (hosts) => new LeastRequestPicker(hosts, settings, random);
      const bias = settings.activeRequestBias;
      return settings.slowStartWindowMs === 0
        ? plain
        : withSlowStart(settings, (item) => leastRequestWeight(item, bias), plain, clock, random);
    }
    case "round_robin": {
      const plain: PickerFactory<H> = (hosts, former) => new RoundRobinPicker(hosts, random, former);
      return settings.slowStartWindowMs === 0
        ? plain
        : withSlowStart(settings, ({ weight }) => weight, plain, clock, random);
    }
    case "ring_hash":
      return bounded(settings, deps, (hosts) => new RingHashPicker(hosts, settings, random));
    case "maglev":
      return bounded(settings, deps, (hosts) => new MaglevPicker(hosts, settings.maglevTableSize, random));
    case "random":
    case "cluster_provided":
      return (hosts) => new RandomPicker(hosts, random);
  }
}

function bounded<H extends Host>(
  settings: LoadBalancing,
  { active, random }: BalancerDeps<H>,
  factory: PickerFactory<H>,
): PickerFactory<H> {
  const balanceFactor = settings.hashBalanceFactor;
  if (balanceFactor === 0) return factory;
  return (hosts, former) => new BoundedLoadPicker(hosts, factory(hosts, former), { balanceFactor, active, random });
}
