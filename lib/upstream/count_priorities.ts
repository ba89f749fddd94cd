import type { PriorityCounts } from "../load_balancer/priority_load.ts";
import type { ClusterLoadAssignment } from "../resource/endpoint.ts";
import type { UpstreamHost } from "./host.ts";

/** How many hosts each priority of a load assignment has, as they are now. */
export function countPriorities(
  assignment: ClusterLoadAssignment | null,
  host: (key: string) => UpstreamHost | undefined,
): readonly PriorityCounts[] {
  const counts: { total: number; healthy: number; degraded: number }[] = [];
  for (const { priority, endpoints } of assignment?.localities ?? []) {
    while (counts.length <= priority) counts.push({ total: 0, healthy: 0, degraded: 0 });
    const count = counts[priority]!;
    for (const { key } of endpoints) {
      const health = host(key)?.health;
      count.total++;
      if (health === "healthy") count.healthy++;
      else if (health === "degraded") count.degraded++;
    }
  }
  return counts;
}
