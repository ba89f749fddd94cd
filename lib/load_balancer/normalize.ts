import type { Host } from "./host.ts";
import type { WeightedHost } from "./load_balancer.ts";

/**
 * Scales weights so that they sum up to 1, as Envoy does before it builds rings and tables. Weights that already do
 * (locality weights were applied) are left alone: a second division would round differently and move ring entries.
 */
export function normalize<H extends Host>(hosts: readonly WeightedHost<H>[]): readonly WeightedHost<H>[] {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  if (Math.abs(total - 1) < 1e-9) return hosts;
  return hosts.map(({ host, weight }) => ({ host, weight: weight / total }));
}
