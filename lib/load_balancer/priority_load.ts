/** How many hosts a priority has. */
export interface PriorityCounts {
  readonly total: number;
  /** Those of all that usable ones are not counted against: they did not fail. @default {0} */
  readonly excluded?: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Sums of weights that availability is counted by in place of hosts (`weighted_priority_health`). */
  readonly weights?: Omit<PriorityCounts, "weights">;
}

/** How the traffic is spread over the priorities; the percentages of all sum up to 100. */
export interface PriorityLoad {
  /** Percent of the traffic for the healthy hosts of the priority, or for all of them in panic. */
  readonly healthy: number;
  /** Percent of the traffic for the degraded hosts of the priority. */
  readonly degraded: number;
  /** Whether health is ignored in this priority. */
  readonly panic: boolean;
}

/**
 * Spreads traffic over priorities as Envoy does ("Priority levels", "Degraded endpoints" and "Panic threshold" of its
 * documentation), in whole percent: a priority takes `overprovisioning * healthy / total` percent at most, what is
 * left spills over to the next. When all together have less than 100 percent, shares are scaled up, and a priority
 * with fewer usable hosts than the threshold panics. When all of them panic, load follows their sizes.
 *
 * @param counts Hosts of each priority.
 * @param overprovisioning Percent, 140 by default in Envoy.
 * @param panicThreshold Percent; 0 switches panic off, as Istio does.
 */
export function priorityLoads(
  counts: readonly PriorityCounts[],
  overprovisioning: number,
  panicThreshold: number,
): PriorityLoad[] {
  const { healthy, degraded } = availabilities(counts, overprovisioning);
  const available = Math.min(100, sum(healthy) + sum(degraded));
  const panic = counts.map((count) => {
    const total = counted(count);
    const usable = total === 0 ? 0 : 100 * count.healthy / total + 100 * count.degraded / total;
    return available < 100 && panicThreshold > 0 && usable < panicThreshold;
  });
  if (panic.length > 0 && panic.every(Boolean)) return loadsInTotalPanic(counts);
  // Nothing is usable and panic is off: all traffic meets the empty lists of the first priority and fails there.
  if (available === 0) return counts.map((_, i) => ({ healthy: i === 0 ? 100 : 0, degraded: 0, panic: panic[i]! }));

  return spread(healthy, degraded, available).map((load, i) => ({ ...load, panic: panic[i]! }));
}

/**
 * Spreads traffic as {@linkcode priorityLoads} does, with some priorities left out (they were tried before).
 *
 * @param counts Hosts of each priority.
 * @param overprovisioning Percent.
 * @param panicThreshold Percent.
 * @param excluded Priorities to be avoided.
 * @returns `null` where nothing else is available.
 */
export function priorityLoadsWithout(
  counts: readonly PriorityCounts[],
  overprovisioning: number,
  panicThreshold: number,
  excluded: readonly number[],
): PriorityLoad[] | null {
  const without = (values: readonly number[]) => values.map((value, i) => excluded.includes(i) ? 0 : value);
  const all = availabilities(counts, overprovisioning);
  const [healthy, degraded] = [without(all.healthy), without(all.degraded)];
  const available = Math.min(100, sum(healthy) + sum(degraded));
  if (available === 0) return null;
  const usual = priorityLoads(counts, overprovisioning, panicThreshold);
  return spread(healthy, degraded, available).map((load, i) => ({ ...load, panic: usual[i]!.panic }));
}

/** Percent of the traffic that each priority can take. */
function availabilities(
  counts: readonly PriorityCounts[],
  overprovisioning: number,
): { healthy: number[]; degraded: number[] } {
  const availability = (usable: number, total: number) =>
    total === 0 ? 0 : Math.min(100, Math.floor(overprovisioning * usable / total));
  return {
    healthy: counts.map(({ weights, ...all }) => availability((weights ?? all).healthy, counted(weights ?? all))),
    degraded: counts.map(({ weights, ...all }) => availability((weights ?? all).degraded, counted(weights ?? all))),
  };
}

/** What usable hosts are counted against. */
function counted({ total, excluded = 0 }: Omit<PriorityCounts, "weights">): number {
  return total - excluded;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Shares of the traffic by availability; healthy hosts come first. */
function spread(
  healthy: readonly number[],
  degraded: readonly number[],
  available: number,
): { healthy: number; degraded: number }[] {
  const healthyLoads = distribute(100, healthy, available);
  const degradedLoads = distribute(100 - sum(healthyLoads), degraded, available);
  // What remains comes from rounding down.
  const rest = 100 - sum(healthyLoads) - sum(degradedLoads);
  const firstHealthy = healthy.findIndex((value) => value > 0);
  if (firstHealthy >= 0) healthyLoads[firstHealthy]! += rest;
  else degradedLoads[degraded.findIndex((value) => value > 0)]! += rest;
  return healthyLoads.map((load, i) => ({ healthy: load, degraded: degradedLoads[i]! }));
}

function distribute(load: number, availability: readonly number[], available: number): number[] {
  return availability.map((value) => {
    const share = Math.min(load, Math.floor(value * 100 / available));
    load -= share;
    return share;
  });
}

function loadsInTotalPanic(counts: readonly PriorityCounts[]): PriorityLoad[] {
  const hosts = counts.reduce((sum, { total }) => sum + total, 0);
  const loads = counts.map(({ total }) => hosts === 0 ? 0 : Math.floor(100 * total / hosts));
  const first = Math.max(0, counts.findIndex(({ total }) => total > 0));
  loads[first]! += 100 - loads.reduce((a, b) => a + b, 0);
  return loads.map((healthy) => ({ healthy, degraded: 0, panic: true }));
}
