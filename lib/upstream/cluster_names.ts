import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterLoadAssignment } from "../resource/endpoint.ts";
import type { DnsResolver } from "./dns_resolver.ts";
import { resolveAssignment } from "./endpoint_source.ts";

/** What {@linkcode ClusterNames} works with. */
export interface ClusterNamesOptions {
  readonly dns: DnsResolver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes over the addresses found. */
  onResolved(assignment: ClusterLoadAssignment): void;
}

/**
 * The names in the assignment of a DNS cluster. They are resolved before the first request and again beside requests
 * when their time is up; the last good addresses are kept while the resolver fails.
 */
export class ClusterNames {
  readonly #cluster: Cluster;
  readonly #assignment: ClusterLoadAssignment;
  readonly #options: ClusterNamesOptions;
  #failure: unknown = null;
  #refreshing = false;
  /** Monotonic milliseconds. */
  #refreshAt = Infinity;

  /**
   * @param cluster The cluster.
   * @param assignment Its names.
   * @param options Who resolves them, and who is told.
   */
  constructor(cluster: Cluster, assignment: ClusterLoadAssignment, options: ClusterNamesOptions) {
    this.#cluster = cluster;
    this.#assignment = assignment;
    this.#options = options;
  }

  /** Why the last round has failed, as far as it has; `null` where it has not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves all of them. */
  async resolve(): Promise<void> {
    const { clock, dns, logger, onResolved } = this.#options;
    const { assignment, refreshMs, failures } = await resolveAssignment(this.#cluster, this.#assignment, dns);
    this.#failure = failures[0] ?? null;
    if (failures.length > 0) {
      logger.log("warning", "Cannot resolve a name of a cluster, keeping the addresses known before", {
        cluster: this.#cluster.name,
      });
    }
    const found = assignment.localities.some(({ endpoints }) => endpoints.length > 0);
    if (found || failures.length === 0) onResolved(assignment);
    this.#refreshAt = clock.monotonic() + refreshMs;
  }

  /** Begins to resolve them again where it is time. */
  refreshWhenDue(): void {
    if (this.#refreshing || this.#options.clock.monotonic() < this.#refreshAt) return;
    this.#refreshing = true;
    this.resolve().finally(() => this.#refreshing = false);
  }
}
