import { MeshError } from "../errors.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Random } from "../internal/random.ts";
import { type PriorityCounts, priorityLoads } from "../load_balancer/priority_load.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { UpstreamHost } from "./host.ts";
import { ClusterResources, DEFAULT_CIRCUIT_BREAKERS } from "./resources.ts";
import type { UpstreamAttempt } from "./upstream_attempt.ts";
import type { UpstreamTarget } from "./upstream_target.ts";

/** What an aggregate cluster needs to know of one it is made of. */
export interface AggregateMember extends UpstreamTarget {
  /** Settles when its first hosts are known; `null` where they are. */
  readonly warming: Promise<void> | null;
  /** Every host. */
  hosts(): Iterable<UpstreamHost>;
  /** Its hosts by priority. */
  priorities(): readonly PriorityCounts[];
  pick(attempt: UpstreamAttempt): Promise<UpstreamHost | null>;
}

/**
 * An aggregate cluster: the priorities of its members in their order are its own, so a member takes over as those before
 * it lose their healthy hosts. Breakers, connections and transport are those of the member that is chosen.
 *
 * Which of its own priorities a member then takes is its own choice, by the same rules; for members of a single priority
 * that is the same as Envoy's choice among all priorities.
 */
export class AggregateTarget implements UpstreamTarget {
  readonly cluster: Cluster;
  readonly resources: ClusterResources;
  readonly highResources: ClusterResources;
  readonly #member: (name: string) => AggregateMember | null;
  readonly #random: Random;

  /**
   * @param cluster The cluster, of type `aggregate`.
   * @param member Finds its members as they are now.
   * @param random Spreads requests where several members share them.
   * @param clock Time, for retry budgets.
   */
  constructor(cluster: Cluster, member: (name: string) => AggregateMember | null, random: Random, clock: Clock) {
    this.cluster = cluster;
    this.resources = new ClusterResources(cluster.circuitBreakers, clock);
    this.highResources = new ClusterResources(
      cluster.highPriorityCircuitBreakers ?? DEFAULT_CIRCUIT_BREAKERS,
      clock,
    );
    this.#member = member;
    this.#random = random;
  }

  send(request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse> {
    const members = this.#members();
    const warming = members.map((member) => member.warming).filter((wait) => wait !== null);
    if (warming.length === 0) return this.#sendTo(members, request, attempt);
    return Promise.all(warming).then(() => this.#sendTo(members, request, attempt));
  }

  /** Every host of every member. */
  *hosts(): Iterable<UpstreamHost> {
    for (const member of this.#members()) yield* member.hosts();
  }

  /** Chooses a host without sending anything (TCP). `null` where none is usable. */
  async pick(attempt: UpstreamAttempt): Promise<UpstreamHost | null> {
    const members = this.#members();
    await Promise.all(members.map((member) => member.warming));
    return await this.#choose(members)?.pick(attempt) ?? null;
  }

  #sendTo(members: readonly AggregateMember[], request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse> {
    const { exchange } = attempt;
    if (exchange.cancelled) {
      exchange.complete(exchange.reason);
      return Promise.reject(exchange.reason);
    }
    const member = this.#choose(members);
    if (member !== null) return member.send(request, attempt);
    const error = new MeshError(
      "NO_HEALTHY_UPSTREAM",
      `Cannot send the request to '${this.cluster.name}': none of its clusters (${
        (this.cluster.members ?? []).join(", ")
      }) has an endpoint; check that their Services select running pods`,
    );
    exchange.complete(error);
    return Promise.reject(error);
  }

  #members(): AggregateMember[] {
    return (this.cluster.members ?? []).map((name) => this.#member(name)).filter((member) => member !== null);
  }

  #choose(members: readonly AggregateMember[]): AggregateMember | null {
    const owners: AggregateMember[] = [];
    const counts: PriorityCounts[] = [];
    for (const member of members) {
      for (const priority of member.priorities()) {
        // Envoy leaves empty priorities out.
        if (priority.total === 0) continue;
        owners.push(member);
        counts.push(priority);
      }
    }
    if (owners.length === 0) return null;
    const loads = priorityLoads(counts, 140, this.cluster.loadBalancing.healthyPanicThreshold);
    let left = this.#random() * 100;
    for (const [index, { healthy, degraded }] of loads.entries()) {
      left -= healthy + degraded;
      if (left < 0) return owners[index]!;
    }
    return owners[owners.length - 1]!;
  }
}
