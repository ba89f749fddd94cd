import type { Clock } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import { createLoadBalancer } from "../load_balancer/create.ts";
import { HostSet } from "../load_balancer/host_set.ts";
import type { LoadBalancer, PickContext } from "../load_balancer/load_balancer.ts";
import { overrideHost } from "../load_balancer/override_host.ts";
import { PickerStore } from "../load_balancer/picker_store.ts";
import type { PriorityCounts } from "../load_balancer/priority_load.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../resource/endpoint.ts";
import { countPriorities } from "./count_priorities.ts";
import type { UpstreamHost } from "./host.ts";
import { localCluster, localityName, type ZoneFacts } from "./zone_facts.ts";

/** What a {@linkcode ClusterBalancer} works with. */
export interface ClusterBalancerOptions {
  readonly cluster: Cluster;
  /** The host of an endpoint's key; `undefined` where the cluster has none. */
  readonly host: (key: string) => UpstreamHost | undefined;
  /** Requests under way in the cluster. */
  readonly active: () => number;
  readonly clock: Clock;
  readonly random: Random;
  /** @default {unknown} */
  readonly zones?: ZoneFacts;
}

/**
 * The load balancer of a cluster at run time: made of the cluster's hosts on the first choice after they, or the health
 * of one of them, have changed. A cluster that changes a hundred times between two requests is built once.
 */
export class ClusterBalancer implements LoadBalancer<UpstreamHost> {
  readonly #options: ClusterBalancerOptions;
  readonly #pickers = new PickerStore<UpstreamHost>();
  #assignment: ClusterLoadAssignment | null = null;
  #balancer: LoadBalancer<UpstreamHost> | null = null;
  /** Only aggregate clusters ask for it. */
  #priorities: readonly PriorityCounts[] | null = null;

  /** @param options The cluster and its hosts. */
  constructor(options: ClusterBalancerOptions) {
    this.#options = options;
  }

  /** Takes over a newer set of endpoints; every one of them has a host by now. */
  setEndpoints(assignment: ClusterLoadAssignment): void {
    this.#assignment = assignment;
    const { useHostnameForHashing } = this.#options.cluster.loadBalancing;
    for (const { priority, endpoints } of assignment.localities) {
      for (const endpoint of endpoints) {
        const host = this.#options.host(endpoint.key)!;
        host.priority = priority;
        host.hashKey = hashKeyOf(endpoint, useHostnameForHashing);
      }
    }
    this.healthChanged();
  }

  /** The health of a host may be another one. */
  healthChanged(): void {
    this.#balancer = null;
    this.#priorities = null;
    if (this.#options.cluster.loadBalancing.slowStartWindowMs > 0) this.#beginSlowStart();
  }

  /** How many hosts each priority has now. */
  priorities(): readonly PriorityCounts[] {
    return this.#priorities ??= countPriorities(this.#assignment, this.#options.host);
  }

  /** A host, or `null` where none may be used. */
  pick(context: PickContext): UpstreamHost | null {
    const { cluster: { loadBalancing }, host } = this.#options;
    if (context.override !== null || loadBalancing.overrideHostHeaders.length > 0) {
      const named = overrideHost(loadBalancing, context, host);
      if (named !== undefined) return named;
    }
    return (this.#balancer ??= this.#build()).pick(context);
  }

  /** Envoy: the window begins when a host is first seen healthy; what only outlier detection ejected keeps its age. */
  #beginSlowStart(): void {
    const now = this.#options.clock.monotonic();
    for (const { endpoints } of this.#assignment?.localities ?? []) {
      for (const { key } of endpoints) {
        const host = this.#options.host(key)!;
        if (host.healthySince === null && host.health === "healthy") host.healthySince = now;
      }
    }
  }

  #build(): LoadBalancer<UpstreamHost> {
    const { cluster: { loadBalancing }, host, zones } = this.#options;
    const localities = (this.#assignment?.localities ?? []).map((locality) => ({
      name: localityName(locality),
      priority: locality.priority,
      weight: locality.weight,
      hosts: locality.endpoints.map(({ key }) => host(key)!),
    }));
    const set = new HostSet(localities, {
      overprovisioningFactor: this.#assignment?.overprovisioningFactor ?? 140,
      panicThreshold: loadBalancing.healthyPanicThreshold,
      weightedPriorityHealth: this.#assignment?.weightedPriorityHealth ?? false,
      ownLocality: zones?.own ?? null,
    });
    this.#pickers.begin();
    const local = zones === undefined ? null : localCluster(zones);
    return createLoadBalancer(loadBalancing, set, { ...this.#options, pickers: this.#pickers, local });
  }
}

/** Envoy: `hash_key` of the metadata, else the host name where the cluster says so, else the address. */
function hashKeyOf(endpoint: Endpoint, useHostname: boolean): string {
  const configured = endpoint.metadata["envoy.lb"]?.["hash_key"];
  if (typeof configured === "string" && configured !== "") return configured;
  return useHostname && endpoint.hostname !== "" ? endpoint.hostname : endpoint.key;
}
