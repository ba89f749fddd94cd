import type { DnsResolver } from "./dns_resolver.ts";
import type { UpstreamHost } from "./host.ts";

/** The hosts of a cluster whose requests say themselves where they go. */
export interface Destinations {
  /** Every host known now. */
  hosts(): Iterable<UpstreamHost>;
  /** Whether a destination has to be resolved before {@linkcode Destinations.host} is asked. */
  needsDns(destination: string): boolean;
  /**
   * Resolves a destination.
   *
   * @throws {MeshError} `DNS_RESOLUTION_FAILED`, `UPSTREAM_OVERFLOW` where no more may be remembered.
   */
  resolve(destination: string, dns: DnsResolver): Promise<void>;
  /** The host of a destination (`host:port`); `null` where there is none. */
  host(destination: string): UpstreamHost | null;
}
