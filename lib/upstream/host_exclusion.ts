import type { Metadata } from "../resource/common.ts";
import type { RetryPolicy } from "../resource/route.ts";
import type { UpstreamHost } from "./host.ts";

/**
 * The hosts a retry avoids: those tried before and those whose metadata the policy names. The first attempt avoids
 * nobody.
 *
 * @see Envoy's extensions `previous_hosts`, `omit_canary_hosts`, `omit_host_metadata`.
 */
export class HostExclusion {
  readonly #policy: RetryPolicy;
  readonly #tried: UpstreamHost[] = [];

  /** @param policy Says what is avoided. */
  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** Whether a policy avoids any host at all. */
  static applies({ previousHosts, omitCanaryHosts, omitHostMetadata }: RetryPolicy): boolean {
    return previousHosts || omitCanaryHosts || omitHostMetadata.length > 0;
  }

  /** Notes that a host was tried. */
  add(host: UpstreamHost): void {
    this.#tried.push(host);
  }

  /** Whether a host is to be avoided. */
  includes(host: UpstreamHost): boolean {
    const { previousHosts, omitCanaryHosts, omitHostMetadata } = this.#policy;
    if (previousHosts && this.#tried.includes(host)) return true;
    const metadata = host.endpoint.metadata["envoy.lb"];
    if (metadata === undefined) return false;
    if (omitCanaryHosts && metadata["canary"] === true) return true;
    return omitHostMetadata.some((wanted) => holds(metadata, wanted));
  }
}

function holds(metadata: Metadata[string], wanted: Metadata[string]): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata[key] === value);
}
