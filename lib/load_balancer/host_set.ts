import type { Host } from "./host.ts";
import { type PriorityLoad, priorityLoads } from "./priority_load.ts";

/** Hosts of one place, as a load assignment groups them. */
export interface LocalityHosts<H extends Host> {
  /** 0 is the most preferred. */
  readonly priority: number;
  /** `null` where none was given: such a locality takes no part in locality-weighted balancing. */
  readonly weight: number | null;
  readonly hosts: readonly H[];
}

/** Hosts sorted by their health at the time the set was made. */
export interface HealthGroups<H extends Host> {
  readonly all: readonly H[];
  readonly healthy: readonly H[];
  readonly degraded: readonly H[];
}

/** One locality of a priority. */
export interface LocalityGroup<H extends Host> extends HealthGroups<H> {
  readonly weight: number;
}

/** One priority of a host set. */
export interface PriorityGroup<H extends Host> extends HealthGroups<H> {
  readonly localities: readonly LocalityGroup<H>[];
  readonly load: PriorityLoad;
}

/** Settings of {@linkcode HostSet}. */
export interface HostSetOptions {
  /** Percent. @default {140} */
  readonly overprovisioningFactor: number;
  /** Percent of usable hosts below which health is ignored; 0 for never. */
  readonly panicThreshold: number;
}

/** The hosts of a cluster at one moment, immutable: a change of membership or health makes a new one. */
export class HostSet<H extends Host> {
  /** By priority; a priority nobody uses is an empty group. */
  readonly priorities: readonly PriorityGroup<H>[];
  /** Percent. */
  readonly overprovisioningFactor: number;

  /**
   * @param localities The hosts in the order of the load assignment.
   * @param options Overprovisioning and panic.
   */
  constructor(localities: readonly LocalityHosts<H>[], options: HostSetOptions) {
    this.overprovisioningFactor = options.overprovisioningFactor;
    const levels = localities.reduce((most, { priority }) => Math.max(most, priority + 1), 1);
    const grouped: LocalityHosts<H>[][] = Array.from({ length: levels }, () => []);
    for (const locality of localities) grouped[locality.priority]!.push(locality);
    const groups = grouped.map((members) => ({
      ...groupByHealth(members.flatMap(({ hosts }) => hosts)),
      localities: members.map(({ hosts, weight }) => ({ ...groupByHealth(hosts), weight: weight ?? 0 })),
    }));
    const loads = priorityLoads(
      groups.map(({ all, healthy, degraded }) => ({
        total: all.length,
        healthy: healthy.length,
        degraded: degraded.length,
      })),
      options.overprovisioningFactor,
      options.panicThreshold,
    );
    this.priorities = groups.map((group, i) => ({ ...group, load: loads[i]! }));
  }

  /** Number of hosts of all priorities. */
  get size(): number {
    return this.priorities.reduce((sum, { all }) => sum + all.length, 0);
  }
}

function groupByHealth<H extends Host>(all: readonly H[]): HealthGroups<H> {
  const healthy = all.filter(({ health }) => health === "healthy");
  return {
    all,
    // The usual case keeps one array instead of two.
    healthy: healthy.length === all.length ? all : healthy,
    degraded: all.filter(({ health }) => health === "degraded"),
  };
}
