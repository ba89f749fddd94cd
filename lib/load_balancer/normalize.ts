import type { Host } from "./host.ts";
import type { LocalityGroup } from "./host_set.ts";
import type { WeightedHost } from "./load_balancer.ts";

/** The hosts with their parts of `share`, divided by their weights as Envoy does before it builds rings and tables. */
export function normalize<H extends Host>(hosts: readonly H[], share = 1): WeightedHost<H>[] {
  let sum = 0;
  for (const { weight } of hosts) sum += weight;
  // Multiplied before divided: in another order it would round otherwise, and ring entries would move.
  return hosts.map((host) => ({ host, weight: host.weight * share / sum }));
}

/**
 * The same with the weights of localities applied. The weight of a locality counts even while none of its hosts is
 * healthy, and one without a weight takes no part: where none has any there are no hosts.
 */
export function normalizeLocalities<H extends Host>(
  localities: readonly LocalityGroup<H>[],
  health: "all" | "healthy",
): WeightedHost<H>[] {
  const total = localities.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return [];
  return localities
    .filter(({ weight }) => weight > 0)
    .flatMap((locality) => normalize(locality[health], locality.weight / total));
}
