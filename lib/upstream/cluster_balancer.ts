import type { Random } from "../internal/random.ts";
import { createLoadBalancer } from "../load_balancer/create.ts";
import { HostSet } from "../load_balancer/host_set.ts";
import type { LoadBalancer, PickContext } from "../load_balancer/load_balancer.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterLoadAssignment } from "../resource/endpoint.ts";
import type { UpstreamHost } from "./host.ts";

/** What a {@linkcode ClusterBalancer} works with. */
export interface ClusterBalancerOptions {
  readonly cluster: Cluster;
  /** The host of an endpoint's key; `undefined` where the cluster has none. */
  readonly host: (key: string) => UpstreamHost | undefined;
  readonly random: Random;
}

/**
 * The load balancer of a cluster at run time: made of the cluster's hosts on the first choice after they, or the health
 * of one of them, have changed. A cluster that changes a hundred times between two requests is built once.
 */
export class ClusterBalancer {
  readonly #options: ClusterBalancerOptions;
  #assignment: ClusterLoadAssignment | null = null;
  #balancer: LoadBalancer<UpstreamHost> | null = null;

  /** @param options The cluster and its hosts. */
  constructor(options: ClusterBalancerOptions) {
    this.#options = options;
  }

  /** Takes over a newer set of endpoints; every one of them has a host by now. */
  setEndpoints(assignment: ClusterLoadAssignment): void {
    this.#assignment = assignment;
    this.#balancer = null;
  }

  /** The health of a host is another one. */
  healthChanged(): void {
    this.#balancer = null;
  }

  /** A host, or `null` where none may be used. */
  pick(context: PickContext): UpstreamHost | null {
    return (this.#balancer ??= this.#build()).pick(context);
  }

  #build(): LoadBalancer<UpstreamHost> {
    const { cluster, host, random } = this.#options;
    const { loadBalancing } = cluster;
    const localities = (this.#assignment?.localities ?? []).map(({ priority, weight, endpoints }) => ({
      priority,
      weight,
      hosts: endpoints.map(({ key }) => host(key)!),
    }));
    const set = new HostSet(localities, {
      overprovisioningFactor: this.#assignment?.overprovisioningFactor ?? 140,
      panicThreshold: loadBalancing.healthyPanicThreshold,
    });
    return createLoadBalancer(loadBalancing, set, random);
  }
}
