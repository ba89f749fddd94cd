import type { Snapshot } from "../../resource/snapshot.ts";
import { similarNames } from "./similar_names.ts";

/** Ports on which HTTP of that host is routed, in order. Route configurations of Istio are named by their ports. */
export function portsOf(snapshot: Snapshot, hostname: string): number[] {
  const ports: number[] = [];
  for (const name of snapshot.routeNames) {
    const port = Number(name);
    if (!Number.isInteger(port)) continue;
    const known = snapshot.route(name)?.virtualHosts.some(({ domains }) =>
      domains.some((domain) => domain === hostname || domain === `${hostname}:${port}`)
    );
    if (known) ports.push(port);
  }
  return ports.sort((a, b) => a - b);
}

/** Hosts of the mesh that a misspelt one may have meant, written as it is: with its namespace where that has one. */
export function suggestHosts(snapshot: Snapshot, hostname: string): string[] {
  const parts = hostname.split(".").length;
  const known = new Set<string>();
  for (const name of snapshot.nameTable.names()) {
    known.add(name);
    const service = name.split(".svc.")[0]!;
    if (service !== name) known.add(parts === 1 ? service.split(".")[0]! : service);
  }
  return similarNames(hostname, known);
}
