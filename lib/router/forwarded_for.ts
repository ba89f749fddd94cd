import type { HeaderList } from "../http/header_list.ts";
import { parseIp } from "../resource/ip_address.ts";

/**
 * The address of the caller by what proxies in front have written into `x-forwarded-for`: the last one, before those of so
 * many trusted proxies. It stands for the caller in logs, policies and hashes; a peer of the mesh is known by its
 * certificate, not by this.
 *
 * @param headers Headers of the request.
 * @param trustedHops Addresses to be skipped from the end (`xff_num_trusted_hops`).
 * @returns An IP address; `null` where there is none: the caller is then whoever has opened the connection.
 * @see Envoy `Utility::getLastAddressFromXFF`, used where `use_remote_address` is false, as Istio has it for sidecars.
 */
export function forwardedFor(headers: HeaderList, trustedHops: number): string | null {
  // Most requests have none: no list is made for them.
  if (!headers.has("x-forwarded-for")) return null;
  const address = headers.getJoined("x-forwarded-for")!.split(",").at(-1 - trustedHops)?.trim() ?? "";
  return parseIp(address) === null ? null : address;
}
