import { MeshError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { DnsAnswer } from "../transport/dns.ts";
import type { Destinations } from "./destinations.ts";
import { type DnsResolver, isIpAddress } from "./dns_resolver.ts";
import type { UpstreamHost } from "./host.ts";
import { madeHost } from "./made_host.ts";
import { splitAddress } from "./split_address.ts";

/** Milliseconds after which a failed refresh is tried again. */
const RETRY_MS = 5_000;

interface Known {
  readonly host: UpstreamHost;
  lastUsed: number;
  /** Monotonic milliseconds at which the name is to be resolved again. */
  refreshAt: number;
  refreshing: boolean;
}

/**
 * The hosts of a dynamic forward proxy: one for each name and port, with one address at a time. As in Envoy a name is
 * resolved before its first request and again when its time is up; meanwhile, and while the resolver fails, the address
 * known before is used. New connections go to the newest address, those that exist stay.
 */
export class DynamicHosts implements Destinations {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Known>();
  #dns: DnsResolver | null = null;

  /**
   * @param cluster The cluster.
   * @param clock Time, to refresh and forget by.
   */
  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  *hosts(): Iterable<UpstreamHost> {
    for (const { host } of this.#hosts.values()) yield host;
  }

  needsDns(destination: string): boolean {
    return !this.#hosts.has(destination);
  }

  async resolve(destination: string, dns: DnsResolver): Promise<void> {
    this.#dns = dns;
    if (this.#hosts.has(destination)) return;
    const { hostname, port } = splitAddress(destination);
    if (hostname === "" || !(port > 0 && port < 65_536)) {
      throw new MeshError(
        "DNS_RESOLUTION_FAILED",
        `Cannot go to '${destination}': it is not a host and a port; check the host of the request`,
      );
    }
    this.#makeRoom();
    const { address, refreshMs } = await this.#lookUp(hostname);
    // Another request may have been faster.
    if (this.#hosts.has(destination)) return;
    this.#makeRoom();
    const now = this.#clock.monotonic();
    const host = madeHost(this.#cluster, { address, port, key: destination, hostname });
    this.#hosts.set(destination, { host, lastUsed: now, refreshAt: now + refreshMs, refreshing: false });
  }

  host(destination: string): UpstreamHost | null {
    const known = this.#hosts.get(destination);
    if (known === undefined) return null;
    const now = this.#clock.monotonic();
    known.lastUsed = now;
    if (now >= known.refreshAt && !known.refreshing) void this.#refresh(known);
    return known.host;
  }

  async #refresh(known: Known): Promise<void> {
    known.refreshing = true;
    const { endpoint, transport } = known.host;
    try {
      const { address, refreshMs } = await this.#lookUp(endpoint.hostname);
      known.refreshAt = this.#clock.monotonic() + refreshMs;
      if (address !== endpoint.address) known.host.update({ ...endpoint, address }, transport);
    } catch {
      known.refreshAt = this.#clock.monotonic() + RETRY_MS;
    } finally {
      known.refreshing = false;
    }
  }

  async #lookUp(hostname: string): Promise<{ address: string; refreshMs: number }> {
    if (isIpAddress(hostname)) return { address: hostname, refreshMs: Infinity };
    const { family, refreshMs, respectTtl } = this.#cluster.dns;
    try {
      const { addresses, ttlMs } = await this.#inTime(this.#dns!.resolve(hostname, family, respectTtl));
      return { address: addresses[0]!, refreshMs: respectTtl && ttlMs !== null && ttlMs > 0 ? ttlMs : refreshMs };
    } catch (cause) {
      // A permission that is missing says itself what to do.
      const message = cause instanceof MeshError
        ? cause.message
        : `Cannot resolve '${hostname}': check the name and the resolver`;
      throw new MeshError("DNS_RESOLUTION_FAILED", message, { cause });
    }
  }

  /** The answer, unless it takes too long: resolvers try again for half a minute where nobody answers them. */
  #inTime(answer: Promise<DnsAnswer>): Promise<DnsAnswer> {
    const { timeoutMs = 5_000 } = this.#cluster.dns;
    if (timeoutMs === 0) return answer;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`The resolver has not answered within '${timeoutMs}' ms`));
      const timer = this.#clock.timer(timeoutMs, late, { ref: true });
      answer.finally(() => timer.cancel()).then(resolve, reject);
    });
  }

  /** Forgets names that were not used for their time; names are the callers' choice, so their number is bounded. */
  #makeRoom(): void {
    const { maxHosts = 1024, hostTtlMs = 300_000 } = this.#cluster.dns;
    const now = this.#clock.monotonic();
    for (const [name, { host, lastUsed }] of this.#hosts) {
      if (host.active > 0 || now - lastUsed < hostTtlMs) continue;
      host.drain();
      this.#hosts.delete(name);
    }
    if (this.#hosts.size < maxHosts) return;
    throw new MeshError(
      "UPSTREAM_OVERFLOW",
      `Cannot go to another host: '${this.#cluster.name}' remembers '${this.#hosts.size}' already, the most it may`,
    );
  }
}
