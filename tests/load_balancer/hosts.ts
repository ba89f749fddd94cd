import type { Host } from "../../lib/load_balancer/host.ts";
import type { LoadBalancer, PickContext, WeightedHost } from "../../lib/load_balancer/load_balancer.ts";
import { normalize } from "../../lib/load_balancer/normalize.ts";

/** A host whose state a test can change. */
export interface TestHost extends Host {
  active: number;
  health: Host["health"];
  healthySince: number | null;
}

/** A host that is healthy and idle. */
export function testHost(key: string, overrides: Partial<TestHost> = {}): TestHost {
  const health = overrides.health ?? "healthy";
  return {
    key,
    hashKey: key,
    weight: 1,
    active: 0,
    health,
    status: health,
    labels: {},
    healthySince: null,
    ...overrides,
  };
}

/** Hosts on 127.0.0.1 by port, each of weight 1 unless given. */
export function weightedHosts(ports: readonly number[], weights: readonly number[] = []): WeightedHost<TestHost>[] {
  return ports.map((port, i) => {
    const weight = weights[i] ?? 1;
    return { host: testHost(`127.0.0.1:${port}`, { weight }), weight };
  });
}

/** The same with weights that are parts of 1, as policies that hash want them. */
export function hashedHosts(ports: readonly number[], weights: readonly number[] = []): WeightedHost<TestHost>[] {
  return normalize(weightedHosts(ports, weights).map(({ host }) => host));
}

/** A choice that asks for nothing in particular. */
export function pickContext(overrides: Partial<PickContext> = {}): PickContext {
  return {
    hash: null,
    excluded: null,
    excludedPriorities: null,
    maxReselections: 20,
    destination: null,
    subset: null,
    override: null,
    headers: null,
    attempt: 0,
    ...overrides,
  };
}

/** How often each host is chosen, by key. */
export function tally(balancer: LoadBalancer<TestHost>, picks: number, context = pickContext()): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const key = balancer.pick(context)?.key ?? "none";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
