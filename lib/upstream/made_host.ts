import type { Cluster } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { UpstreamHost } from "./host.ts";
import { selectTransportSocket } from "./transport_socket.ts";

/** A host that no load assignment names: the cluster makes it when a request wants to go there. */
export function madeHost(
  cluster: Cluster,
  { address, port, key, hostname }: Pick<Endpoint, "address" | "port" | "key" | "hostname">,
): UpstreamHost {
  const endpoint: Endpoint = {
    address,
    port,
    key,
    hostname,
    health: "healthy",
    weight: 1,
    metadata: {},
    internalListener: null,
    healthCheck: null,
  };
  return new UpstreamHost(endpoint, selectTransportSocket(cluster, endpoint), key);
}
