import type { Random } from "../internal/random.ts";
import type { LoadBalancing } from "../resource/load_balancing.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host_set.ts";
import { LeastRequestPicker } from "./least_request.ts";
import type { LoadBalancer, PickerFactory } from "./load_balancer.ts";
import { MaglevPicker } from "./maglev.ts";
import { PriorityBalancer } from "./priority_balancer.ts";
import { RandomPicker } from "./random.ts";
import { RingHashPicker } from "./ring_hash.ts";
import { RoundRobinPicker } from "./round_robin.ts";

/**
 * The load balancer of a cluster. `cluster_provided` makes sense only with ORIGINAL_DST, which has its own
 * (`original_dst.ts`); elsewhere it is treated as `random`.
 *
 * @param settings The cluster's load balancing.
 * @param hosts Its hosts at this moment.
 * @param random Source of randomness.
 */
export function createLoadBalancer<H extends Host>(
  settings: LoadBalancing,
  hosts: HostSet<H>,
  random: Random,
): LoadBalancer<H> {
  const hashing = settings.policy === "ring_hash" || settings.policy === "maglev";
  return new PriorityBalancer(
    hosts,
    { localityWeighted: settings.localityWeighted, hashing },
    pickerFactory(settings, random),
    random,
  );
}

function pickerFactory<H extends Host>(settings: LoadBalancing, random: Random): PickerFactory<H> {
  switch (settings.policy) {
    case "least_request":
      return (hosts) => new LeastRequestPicker(hosts, settings, random);
    case "round_robin":
      return (hosts) => new RoundRobinPicker(hosts, random);
    case "ring_hash":
      return (hosts) => new RingHashPicker(hosts, settings, random);
    case "maglev":
      return (hosts) => new MaglevPicker(hosts, settings.maglevTableSize, random);
    case "random":
    case "cluster_provided":
      return (hosts) => new RandomPicker(hosts, random);
  }
}
