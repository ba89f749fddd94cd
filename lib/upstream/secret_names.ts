import type { Cluster } from "../resource/cluster.ts";
import type { TlsContext } from "../resource/tls_context.ts";

/**
 * The secrets of a TLS context that the control plane serves by name (`kubernetes://NAME`). Those without a scheme are
 * the workload's own (`default`, `ROOTCA`), which nobody has to ask for.
 */
export function secretNames(context: TlsContext): readonly string[] {
  const names: string[] = [];
  for (const source of [...context.certificates, context.validation?.trust ?? null]) {
    if (source?.kind === "sds" && source.name.includes("://")) names.push(source.name);
  }
  return names;
}

/** The secrets of every transport of a cluster. */
export function clusterSecretNames(cluster: Cluster): readonly string[] {
  const sockets = [cluster.transportSocket, ...cluster.transportSocketMatches.map(({ socket }) => socket)];
  return sockets.flatMap((socket) => socket.kind === "tls" ? secretNames(socket.context) : []);
}
