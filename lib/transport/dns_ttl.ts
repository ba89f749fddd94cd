import { Resolver } from "node:dns/promises";

/** Milliseconds the question for a TTL may take: the addresses are known by then, and it runs beside nothing. */
const TIMEOUT_MS = 1_000;

/** Asks a DNS server for the records of one family of a name; rejects where there are none. */
export type AskRecords = (hostname: string, family: 4 | 6) => Promise<{ address: string; ttl: number }[]>;

/**
 * How long an answer of the system's resolver is good for. `getaddrinfo` does not tell, so DNS is asked for the same
 * records; its TTL counts where it knows one of the addresses (the hosts file has no TTL, and answers may differ).
 *
 * @param hostname The name that was resolved.
 * @param addresses What it resolved to.
 * @returns Milliseconds; `null` where nobody tells, or where the program may not ask: only `--allow-net` without a list
 * covers the DNS server.
 */
export async function timeToLive(
  hostname: string,
  addresses: readonly string[],
  ask: AskRecords = askSystem,
): Promise<number | null> {
  try {
    const records = await ask(hostname, addresses[0]!.includes(":") ? 6 : 4);
    if (!records.some(({ address }) => addresses.includes(address))) return null;
    return Math.min(...records.map(({ ttl }) => ttl)) * 1000;
  } catch {
    // The addresses are good without it.
    return null;
  }
}

async function askSystem(hostname: string, family: 4 | 6): Promise<{ address: string; ttl: number }[]> {
  const { state } = await Deno.permissions.query({ name: "net" });
  // Asking without would make the runtime prompt the user.
  if (state !== "granted") return [];
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  return await (family === 4 ? resolver.resolve4(hostname, { ttl: true }) : resolver.resolve6(hostname, { ttl: true }));
}
