import { lookup } from "node:dns/promises";
import { MeshError } from "../errors.ts";
import { timeToLive } from "./dns_ttl.ts";

/** Which addresses of a name are wanted, as Envoy's `dns_lookup_family`. */
export type DnsFamily = "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";

/** What a name resolved to. */
export interface DnsAnswer {
  /** IP addresses, in the order of the resolver; not empty. */
  readonly addresses: readonly string[];
  /** Milliseconds the answer is good for; `null` where the resolver does not tell. */
  readonly ttlMs: number | null;
}

/**
 * Resolves a name; rejects where it has no address. With `ttl` the time to live is asked for, too, where the resolver
 * tells it.
 */
export type Resolve = (hostname: string, family: DnsFamily, ttl: boolean) => Promise<DnsAnswer>;

/**
 * Asks the resolver of the system (`getaddrinfo`: hosts file, search domains, then DNS), which tells no TTL: DNS is
 * asked for that itself. Names of the mesh's own table are not looked up here: those of clusters are for the resolver,
 * as Envoy's own questions are, which Istio's DNS proxy does not see.
 *
 * @param hostname A DNS name.
 * @param family Which addresses are wanted.
 * @param ttl Whether the time to live is asked for, too.
 * @throws {Error} When the name has no such address; a {@linkcode MeshError} `PERMISSION_MISSING` when it may not be
 * asked for.
 */
export async function systemResolve(hostname: string, family: DnsFamily, ttl = false): Promise<DnsAnswer> {
  const found = await lookup(hostname, { all: true }).catch((error: Error & { code?: string }) => {
    if (error.code !== "EPERM" && error.name !== "NotCapable") throw error;
    const message = `Cannot resolve '${hostname}': no permission, run with --allow-net=${hostname}`;
    throw new MeshError("PERMISSION_MISSING", message, { cause: error });
  });
  const v4 = found.filter((entry) => entry.family === 4).map(({ address }) => address);
  const v6 = found.filter((entry) => entry.family === 6).map(({ address }) => address);
  const addresses = pickFamily(family, v4, v6);
  if (addresses.length === 0) throw new Error(`'${hostname}' has no address of family '${family}'`);
  return { addresses, ttlMs: ttl ? await timeToLive(hostname, addresses) : null };
}

function pickFamily(family: DnsFamily, v4: string[], v6: string[]): string[] {
  switch (family) {
    case "v4_only":
      return v4;
    case "v6_only":
      return v6;
    case "auto":
      // Envoy: IPv6 only where there is any.
      return v6.length > 0 ? v6 : v4;
    case "v4_preferred":
      return v4.length > 0 ? v4 : v6;
    case "all":
      return [...v4, ...v6];
  }
}
