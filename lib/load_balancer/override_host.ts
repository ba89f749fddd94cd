import type { LoadBalancing } from "../resource/load_balancing.ts";
import type { Host } from "./host.ts";
import type { PickContext } from "./load_balancer.ts";

/**
 * The host that a request names, by a session or by a header.
 *
 * @param settings Health in which such a host is taken, and headers that name hosts.
 * @param hostOf The host of an address.
 * @returns `null` where the request must fail, `undefined` where the load balancer is to choose.
 */
export function overrideHost<H extends Host>(
  settings: Pick<LoadBalancing, "overrideHostStatus" | "overrideHostHeaders">,
  context: PickContext,
  hostOf: (address: string) => H | undefined,
): H | null | undefined {
  const { override } = context;
  // Envoy: with no status at all the whole matter is off.
  if (override !== null && settings.overrideHostStatus.length > 0) {
    const host = hostOf(override.address);
    if (host !== undefined && settings.overrideHostStatus.includes(host.status)) return host;
    if (override.strict) return null;
  }
  return settings.overrideHostHeaders.length === 0 ? undefined : byHeader(settings, context, hostOf);
}

/** The policy `override_host`: each attempt takes the next of the named hosts that exist, whatever their health. */
function byHeader<H extends Host>(
  settings: Pick<LoadBalancing, "overrideHostHeaders">,
  context: PickContext,
  hostOf: (address: string) => H | undefined,
): H | undefined {
  for (const name of settings.overrideHostHeaders) {
    const value = context.headers?.get(name);
    if (value === undefined || value === "") continue;
    const hosts = value.split(",").map((address) => hostOf(address.trim())).filter((host) => host !== undefined);
    return hosts[context.attempt];
  }
  return undefined;
}
