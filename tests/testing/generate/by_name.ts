import type { Decoded } from "./recording.ts";

interface Host {
  name: string;
  routes?: { match?: { queryParameters?: { name: string }[] } }[];
}

/** Virtual hosts and query parameters come in any order: compared by name. Everything else keeps its order. */
export function byName(resource: Decoded | undefined): Decoded | undefined {
  const message = (resource as { message?: { [key: string]: Decoded } } | undefined)?.message;
  const hosts = message?.virtualHosts as Host[] | undefined;
  if (hosts === undefined) return resource;
  for (const route of hosts.flatMap((host) => host.routes ?? [])) {
    route.match?.queryParameters?.sort((a, b) => a.name < b.name ? -1 : 1);
  }
  message!.virtualHosts = Object.fromEntries(hosts.map((host) => [host.name, host])) as unknown as Decoded;
  return resource;
}
