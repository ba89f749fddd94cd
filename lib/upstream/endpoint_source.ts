import { formatAddress } from "../internal/socket_address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../resource/endpoint.ts";
import type { DnsResolver } from "./dns_resolver.ts";

/**
 * Resolves the DNS names of a STRICT_DNS or LOGICAL_DNS cluster: each name becomes all its addresses (strict), each an
 * endpoint of its own, or one endpoint with the first address (logical), which stays the same endpoint when the address
 * is another one: its connections stay, new ones go to the new address. A name without an answer contributes nothing.
 *
 * @returns The assignment with addresses instead of names, and the milliseconds after which to ask again.
 */
export async function resolveAssignment(
  cluster: Cluster,
  assignment: ClusterLoadAssignment,
  dns: DnsResolver,
): Promise<{ assignment: ClusterLoadAssignment; refreshMs: number; failures: readonly unknown[] }> {
  const failures: unknown[] = [];
  let refreshMs = Infinity;
  const localities = await Promise.all(assignment.localities.map(async (locality) => {
    const resolved = await Promise.all(locality.endpoints.map(async (endpoint) => {
      try {
        const { family, respectTtl } = cluster.dns;
        const { addresses, ttlMs } = await dns.resolve(endpoint.address, family, respectTtl);
        // Envoy: a TTL of 0 says nothing.
        refreshMs = Math.min(refreshMs, respectTtl && ttlMs !== null && ttlMs > 0 ? ttlMs : cluster.dns.refreshMs);
        return cluster.type === "logical_dns"
          ? [{ ...withHostname(endpoint), address: addresses[0]! }]
          : addresses.map((address) => withAddress(endpoint, address));
      } catch (error) {
        failures.push(error);
        return [];
      }
    }));
    return { ...locality, endpoints: resolved.flat() };
  }));
  return {
    assignment: { ...assignment, localities },
    // After a failure soon again, whatever the refresh rate.
    refreshMs: failures.length > 0 ? Math.min(refreshMs, 1000) : Math.max(refreshMs, 1),
    failures,
  };
}

function withAddress(endpoint: Endpoint, address: string): Endpoint {
  return { ...withHostname(endpoint), address, key: formatAddress({ hostname: address, port: endpoint.port }) };
}

function withHostname(endpoint: Endpoint): Endpoint {
  return { ...endpoint, hostname: endpoint.hostname === "" ? endpoint.address : endpoint.hostname };
}
