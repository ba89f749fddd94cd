import type { Host } from "./host.ts";
import { type PriorityCounts, type PriorityLoad, priorityLoads, priorityLoadsWithout } from "./priority_load.ts";

/** Hosts of one place, as a load assignment groups them. */
export interface LocalityHosts<H extends Host> {
  /** Region, zone and subzone in one text that sorts as they do. @default {a place of its own} */
  readonly name?: string;
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
  readonly name: string;
  readonly weight: number;
  /** How many of all are excluded. */
  readonly excluded: number;
}

/** One priority of a host set. */
export interface PriorityGroup<H extends Host> extends HealthGroups<H> {
  readonly priority: number;
  /** Those that have hosts: the caller's own first, the others in the order of their names. Made on first use. */
  readonly localities: readonly LocalityGroup<H>[];
}

/** Settings of {@linkcode HostSet}. */
export interface HostSetOptions {
  /** Percent. @default {140} */
  readonly overprovisioningFactor: number;
  /** Percent of usable hosts below which health is ignored; 0 for never. */
  readonly panicThreshold: number;
  /** Whether the health of a priority counts weights instead of hosts. @default {false} */
  readonly weightedPriorityHealth?: boolean;
  /** Name of the caller's own locality. @default {null} */
  readonly ownLocality?: string | null;
}

/** The hosts of a cluster at one moment, immutable: a change of membership or health makes a new one. */
export class HostSet<H extends Host> {
  /** By priority; a priority nobody uses is an empty group. */
  readonly priorities: readonly PriorityGroup<H>[];
  /** How traffic is spread over them. */
  readonly loads: readonly PriorityLoad[];
  readonly options: HostSetOptions;
  readonly #localities: readonly LocalityHosts<H>[];
  #counts: PriorityCounts[] | null = null;

  /**
   * @param localities The hosts in the order of the load assignment.
   * @param options Overprovisioning and panic.
   */
  constructor(localities: readonly LocalityHosts<H>[], options: HostSetOptions) {
    this.#localities = localities;
    this.options = options;
    const levels = localities.reduce((most, { priority }) => Math.max(most, priority + 1), 1);
    const grouped: LocalityHosts<H>[][] = Array.from({ length: levels }, () => []);
    for (const locality of localities) grouped[locality.priority]!.push(locality);
    this.priorities = grouped.map((members, priority) => new Priority(priority, members, options.ownLocality ?? null));
    this.loads = priorityLoads(this.#countPriorities(), options.overprovisioningFactor, options.panicThreshold);
  }

  /** Number of hosts of all priorities. */
  get size(): number {
    return this.priorities.reduce((sum, { all }) => sum + all.length, 0);
  }

  /** How traffic is spread where some priorities are to be avoided; `null` where no other has hosts. */
  loadsWithout(excluded: readonly number[]): readonly PriorityLoad[] | null {
    const { overprovisioningFactor, panicThreshold } = this.options;
    return priorityLoadsWithout(this.#countPriorities(), overprovisioningFactor, panicThreshold, excluded);
  }

  #countPriorities(): readonly PriorityCounts[] {
    return this.#counts ??= this.priorities.map((group) =>
      countOf(group, this.options.weightedPriorityHealth ?? false)
    );
  }

  /**
   * The set of those hosts that are wanted.
   *
   * @param wanted Tells them.
   * @param weight The weight of a locality of which a part is left.
   */
  filter(
    wanted: (host: H) => boolean,
    weight: (locality: LocalityHosts<H>, left: number) => number | null,
  ): HostSet<H> {
    return new HostSet(
      this.#localities.map((locality) => {
        const hosts = locality.hosts.filter(wanted);
        return { ...locality, hosts, weight: weight(locality, hosts.length) };
      }),
      this.options,
    );
  }

  /** Every host, in the order of the load assignment. */
  *hosts(): Iterable<H> {
    for (const { hosts } of this.#localities) yield* hosts;
  }
}

class Priority<H extends Host> implements PriorityGroup<H> {
  readonly priority: number;
  readonly all: readonly H[];
  readonly healthy: readonly H[];
  readonly degraded: readonly H[];
  readonly #members: readonly LocalityHosts<H>[];
  readonly #own: string | null;
  #localities: readonly LocalityGroup<H>[] | null = null;

  constructor(priority: number, members: readonly LocalityHosts<H>[], own: string | null) {
    this.priority = priority;
    this.#members = members;
    this.#own = own;
    const groups = groupByHealth(members.length === 1 ? members[0]!.hosts : members.flatMap(({ hosts }) => hosts));
    this.all = groups.all;
    this.healthy = groups.healthy;
    this.degraded = groups.degraded;
  }

  get localities(): readonly LocalityGroup<H>[] {
    return this.#localities ??= groupByLocality(this.#members, this.#own);
  }
}

/** Envoy's `HostsPerLocality`: one place given twice is one place. */
function groupByLocality<H extends Host>(
  members: readonly LocalityHosts<H>[],
  own: string | null,
): LocalityGroup<H>[] {
  const places = new Map<string, { name: string; weight: number; hosts: readonly H[] }>();
  for (const [index, { name = `#${index}`, weight, hosts }] of members.entries()) {
    if (hosts.length === 0) continue;
    const known = places.get(name);
    if (known === undefined) places.set(name, { name, weight: weight ?? 0, hosts });
    else places.set(name, { name, weight: weight ?? 0, hosts: [...known.hosts, ...hosts] });
  }
  return [...places.values()]
    .sort((a, b) => a.name === own ? -1 : b.name === own ? 1 : a.name < b.name ? -1 : 1)
    .map(({ name, weight, hosts }) => ({ name, weight, excluded: excludedOf(hosts).length, ...groupByHealth(hosts) }));
}

function groupByHealth<H extends Host>(all: readonly H[]): HealthGroups<H> {
  let healthy = 0;
  let degraded = 0;
  for (const { health } of all) {
    if (health === "healthy") healthy++;
    else if (health === "degraded") degraded++;
  }
  return {
    all,
    // The usual case keeps one array instead of two.
    healthy: healthy === all.length ? all : all.filter(({ health }) => health === "healthy"),
    degraded: degraded === 0 ? [] : all.filter(({ health }) => health === "degraded"),
  };
}

function excludedOf<H extends Host>(hosts: readonly H[]): readonly H[] {
  return hosts.some(({ excluded }) => excluded === true) ? hosts.filter(({ excluded }) => excluded === true) : [];
}

function countOf<H extends Host>(group: PriorityGroup<H>, weighted: boolean): PriorityCounts {
  const { all, healthy, degraded } = group;
  const excluded = excludedOf(all);
  const counts = {
    total: all.length,
    excluded: excluded.length,
    healthy: healthy.length,
    degraded: degraded.length,
  };
  if (!weighted) return counts;
  const sum = (hosts: readonly H[]) => hosts.reduce((sum, { weight }) => sum + weight, 0);
  const weights = { total: sum(all), excluded: sum(excluded), healthy: sum(healthy), degraded: sum(degraded) };
  return { ...counts, weights };
}
