import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { formatAddress } from "../internal/socket_address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Destinations } from "./destinations.ts";
import { type DnsResolver, isIpAddress } from "./dns_resolver.ts";
import type { UpstreamHost } from "./host.ts";
import { madeHost } from "./made_host.ts";
import { splitAddress } from "./split_address.ts";

/** Hosts unused for that long are forgotten (Envoy's `cleanup_interval` is 5 s; their pools idle out by themselves). */
const FORGET_MS = 60_000;
/** Bounds what a caller can make us remember. */
const MAX_HOSTS = 10_000;

interface Known {
  readonly host: UpstreamHost;
  lastUsed: number;
}

/**
 * The hosts of an ORIGINAL_DST cluster (passthrough, headless services): made on first use of an address. A name
 * instead of an address is resolved first, which a sidecar never has to do: it sees only addresses.
 */
export class OriginalDestinations implements Destinations {
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Known>();
  /** Addresses of names, as last resolved. */
  readonly #names = new Map<string, string>();

  readonly #cluster: Cluster;

  /**
   * @param cluster The cluster.
   * @param clock Time, to forget hosts by.
   */
  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Every host. */
  *hosts(): Iterable<UpstreamHost> {
    for (const { host } of this.#hosts.values()) yield host;
  }

  /** Whether a destination is a name. */
  needsDns(destination: string): boolean {
    return !isIpAddress(splitAddress(destination).hostname);
  }

  /**
   * Resolves a named destination, so that {@linkcode OriginalDestinations.host} finds it.
   *
   * @throws {MeshError} `DNS_RESOLUTION_FAILED`.
   */
  async resolve(destination: string, dns: DnsResolver): Promise<void> {
    const { hostname, port } = splitAddress(destination);
    try {
      const { addresses } = await dns.resolve(hostname, this.#cluster.dns.family);
      if (this.#names.size >= MAX_HOSTS) this.#names.clear();
      this.#names.set(destination, formatAddress({ hostname: addresses[0]!, port }));
    } catch (cause) {
      // A permission that is missing says itself what to do.
      const message = cause instanceof MeshError
        ? cause.message
        : `Cannot resolve '${hostname}': check the name and the resolver`;
      throw new MeshError("DNS_RESOLUTION_FAILED", message, { cause });
    }
  }

  /** The host of an address (`ip:port`) or of a name that was resolved; `null` where it is neither. */
  host(destination: string): UpstreamHost | null {
    const address = this.#withPort(this.#names.get(destination) ?? destination);
    const known = this.#hosts.get(address);
    const now = this.#clock.monotonic();
    if (known !== undefined) {
      known.lastUsed = now;
      return known.host;
    }
    const { hostname, port } = splitAddress(address);
    if (!isIpAddress(hostname) || !(port > 0 && port < 65536)) return null;
    this.#forget(now);
    const host = madeHost(this.#cluster, { address: hostname, port, key: address, hostname: "" });
    this.#hosts.set(address, { host, lastUsed: now });
    return host;
  }

  #withPort(address: string): string {
    const port = this.#cluster.originalDstPortOverride;
    return port === null ? address : `${address.slice(0, address.lastIndexOf(":"))}:${port}`;
  }

  #forget(now: number): void {
    for (const [address, { host, lastUsed }] of this.#hosts) {
      const idle = host.active === 0 && now - lastUsed > FORGET_MS;
      if (!idle && this.#hosts.size < MAX_HOSTS) continue;
      host.drain();
      this.#hosts.delete(address);
    }
  }
}
