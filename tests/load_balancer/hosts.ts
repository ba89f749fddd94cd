import type { Host } from "../../lib/load_balancer/host.ts";
import type { WeightedHost } from "../../lib/load_balancer/load_balancer.ts";

/** A host whose active requests a test can set. */
export interface TestHost extends Host {
  active: number;
}

/** Hosts on 127.0.0.1 by port, each of weight 1 unless given. */
export function weightedHosts(ports: readonly number[], weights: readonly number[] = []): WeightedHost<TestHost>[] {
  return ports.map((port, i) => {
    const key = `127.0.0.1:${port}`;
    const weight = weights[i] ?? 1;
    return { host: { key, hashKey: key, weight, active: 0, health: "healthy" }, weight };
  });
}
