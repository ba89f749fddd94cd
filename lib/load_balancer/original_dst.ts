import type { Host } from "./host.ts";
import type { LoadBalancer, PickContext } from "./load_balancer.ts";

/** CLUSTER_PROVIDED of ORIGINAL_DST clusters: the host is where the caller wanted to go. */
export class OriginalDstBalancer<H extends Host> implements LoadBalancer<H> {
  readonly #hostOf: (address: string) => H | null;

  /** @param hostOf The host of an address (`ip:port`), made on first use; `null` where the cluster will not go there. */
  constructor(hostOf: (address: string) => H | null) {
    this.#hostOf = hostOf;
  }

  pick(context: PickContext): H | null {
    return context.destination === null ? null : this.#hostOf(context.destination);
  }
}
