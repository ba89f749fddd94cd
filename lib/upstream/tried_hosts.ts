import type { ExcludedPriorities } from "../load_balancer/load_balancer.ts";
import type { Metadata } from "../resource/common.ts";
import type { RetryPolicy } from "../resource/route.ts";
import type { UpstreamHost } from "./host.ts";
import { PriorityExclusion } from "./priority_exclusion.ts";

/**
 * The hosts a request was sent to, and which hosts its next attempt avoids for that and for their metadata. The first
 * attempt avoids nobody.
 *
 * @see Envoy's extensions `previous_hosts`, `omit_canary_hosts`, `omit_host_metadata`, `previous_priorities`.
 */
export class TriedHosts {
  readonly #policy: RetryPolicy;
  readonly #hosts: UpstreamHost[] = [];
  readonly #priorities: PriorityExclusion | null;

  /** @param policy Says what is avoided. */
  constructor(policy: RetryPolicy) {
    this.#policy = policy;
    const { previousPriorities } = policy;
    this.#priorities = previousPriorities === null ? null : new PriorityExclusion(previousPriorities.updateFrequency);
  }

  /** Itself, where the policy avoids any host at all; `null` otherwise. */
  get excluded(): TriedHosts | null {
    const { previousHosts, omitCanaryHosts, omitHostMetadata } = this.#policy;
    return previousHosts || omitCanaryHosts || omitHostMetadata.length > 0 ? this : null;
  }

  /** Priorities to be avoided; `null` for none. */
  get excludedPriorities(): ExcludedPriorities | null {
    return this.#priorities?.excluded ?? null;
  }

  /** Notes that a host was tried. */
  add(host: UpstreamHost): void {
    this.#hosts.push(host);
    this.#priorities?.add(host.priority);
  }

  /** Whether a host is to be avoided. */
  includes(host: UpstreamHost): boolean {
    const { previousHosts, omitCanaryHosts, omitHostMetadata } = this.#policy;
    if (previousHosts && this.#hosts.includes(host)) return true;
    const metadata = host.endpoint.metadata["envoy.lb"];
    if (metadata === undefined) return false;
    if (omitCanaryHosts && metadata["canary"] === true) return true;
    return omitHostMetadata.some((wanted) => holds(metadata, wanted));
  }
}

function holds(metadata: Metadata[string], wanted: Metadata[string]): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata[key] === value);
}
