/**
 * What one share of the traffic chooses from: the healthy or degraded hosts of a priority, by locality where localities
 * count.
 *
 * @module
 */
import { randomInt } from "../internal/random.ts";
import type { Hash64 } from "../internal/xx_hash64.ts";
import { EdfSchedule } from "./edf.ts";
import type { Host } from "./host.ts";
import type { HealthGroups, HostSet, LocalityGroup } from "./host_set.ts";
import type { Picker, WeightedHost } from "./load_balancer.ts";
import { normalize, normalizeLocalities } from "./normalize.ts";
import type { PriorityBalancerOptions } from "./priority_balancer.ts";
import { chooseZone, planZoneRoute } from "./zone_routing.ts";

/** A picker that is made when it is first asked. */
export class LazyPicker<H extends Host> implements Picker<H> {
  #make: (() => Picker<H>) | null;
  #picker: Picker<H> | null = null;

  /** @param make Makes it, once. */
  constructor(make: () => Picker<H>) {
    this.#make = make;
  }

  pick(hash: Hash64 | null, attempt: number): H | null {
    if (this.#picker === null) {
      this.#picker = this.#make!();
      this.#make = null;
    }
    return this.#picker.pick(hash, attempt);
  }
}

const NONE: Picker<never> = { pick: () => null };

/** Of a policy that hashes. Envoy builds no tables of degraded hosts: in a priority that has no others none is found. */
export function hashingSource<H extends Host>(
  hosts: HostSet<H>,
  priority: number,
  panic: boolean,
  _health: "healthy" | "degraded",
  options: PriorityBalancerOptions<H>,
): Picker<H> {
  const group = hosts.priorities[priority]!;
  const health = panic ? "all" : "healthy";
  const weighted = options.localityWeighted ? normalizeLocalities(group.localities, health) : normalize(group[health]);
  return options.pickers.get(`${options.prefix}${priority}/${health}`, weighted, options.factory);
}

/** Of any other policy. */
export function prioritySource<H extends Host>(
  hosts: HostSet<H>,
  priority: number,
  panic: boolean,
  usable: "healthy" | "degraded",
  options: PriorityBalancerOptions<H>,
): Picker<H> {
  const group = hosts.priorities[priority]!;
  const list = (health: keyof HealthGroups<H>, locality: LocalityGroup<H> | null = null) => {
    const name = `${options.prefix}${priority}/${health}${locality === null ? "" : `/${locality.name}`}`;
    return options.pickers.get(name, (locality ?? group)[health].map(ownWeight), options.factory);
  };
  // In panic Envoy ignores localities.
  if (panic) return options.zoneAware?.failTrafficOnPanic ? NONE : list("all");
  if (options.localityWeighted) {
    const weighted = group.localities
      .map((locality) => ({
        weight: effectiveWeight(locality, usable, hosts.options.overprovisioningFactor),
        picker: new LazyPicker(() => list(usable, locality)),
      }))
      .filter(({ weight }) => weight > 0);
    if (weighted.length === 1) return weighted[0]!.picker;
    if (weighted.length > 1) return localitiesByWeight(weighted, options);
  }
  const flat = new LazyPicker(() => list(usable));
  return priority === 0 && options.local !== null ? zonePicker(hosts, usable, options, flat, list) : flat;
}

function localitiesByWeight<H extends Host>(
  localities: readonly { readonly weight: number; readonly picker: Picker<H> }[],
  options: PriorityBalancerOptions<H>,
): Picker<H> {
  const schedule = new EdfSchedule(localities, ({ weight }) => weight);
  // Many clients do not begin with the same locality.
  for (let skip = randomInt(options.random, localities.length); skip > 0; skip--) schedule.pick();
  return { pick: (hash, attempt) => schedule.pick()!.picker.pick(hash, attempt) };
}

/** A locality's weight shrinks once its usable part, overprovisioned, falls below the whole. */
function effectiveWeight<H extends Host>(
  locality: LocalityGroup<H>,
  health: "healthy" | "degraded",
  overprovisioning: number,
): number {
  const counted = locality.all.length - locality.excluded;
  if (counted === 0) return 0;
  return locality.weight * Math.min(1, (overprovisioning / 100) * (locality[health].length / counted));
}

function zonePicker<H extends Host>(
  hosts: HostSet<H>,
  usable: "healthy" | "degraded",
  options: PriorityBalancerOptions<H>,
  flat: Picker<H>,
  list: (health: keyof HealthGroups<H>, locality: LocalityGroup<H>) => Picker<H>,
): Picker<H> {
  const { zoneAware, random } = options;
  const local = options.local!;
  const group = hosts.priorities[0]!;
  const route = planZoneRoute(group, local, zoneAware);
  if (route === null) return flat;
  const total = local.localities.reduce((sum, locality) => sum + locality.total, 0);
  const healthy = local.localities.reduce((sum, locality) => sum + locality.healthy, 0);
  if (100 * healthy / total < hosts.options.panicThreshold) return zoneAware?.failTrafficOnPanic ? NONE : flat;
  const pickers = group.localities.map((locality) => new LazyPicker(() => list(usable, locality)));
  const enabled = (zoneAware?.routingEnabledPercent ?? 100) / 100;
  return {
    pick(hash, attempt) {
      if (enabled < 1 && random() >= enabled) return flat.pick(hash, attempt);
      return pickers[chooseZone(route, random)]!.pick(hash, attempt);
    },
  };
}

function ownWeight<H extends Host>(host: H): WeightedHost<H> {
  return { host, weight: host.weight };
}
