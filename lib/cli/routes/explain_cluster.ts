import { formatAddress } from "../../internal/socket_address.ts";
import type { Hash64 } from "../../internal/xx_hash64.ts";
import type { TransportSocket } from "../../resource/cluster.ts";
import type { UpstreamHost } from "../../upstream/host.ts";
import { UpstreamAttempt } from "../../upstream/upstream_attempt.ts";
import type { UpstreamCluster } from "../../upstream/upstream_cluster.ts";
import type { ClusterLine, EndpointLine, RequestExplanation } from "./request_explanation.ts";

/** A cluster at run time, of whatever kind, as far as it is asked here. */
type AskedCluster = Pick<UpstreamCluster, "cluster" | "hosts" | "pick">;

/** Where clusters are found. */
export interface ClusterSource {
  /** The cluster of that name; `null` where there is none. */
  target(name: string): AskedCluster | null;
}

/** What is asked of a cluster. */
export interface ClusterQuestion {
  /** The name the route has for it. */
  readonly name: string;
  /** Hash of the request, for consistent load balancing. */
  readonly hash: Hash64 | null;
  /** Where the application wanted to go. */
  readonly destination: string | null;
}

/** What is found. */
export interface ClusterAnswer {
  readonly cluster: ClusterLine | null;
  readonly endpoint: EndpointLine | null;
  readonly problem: RequestExplanation["problem"];
}

/** Asks a cluster's own load balancer for an endpoint, as a request would; nothing is sent. */
export async function explainCluster(
  upstream: AskedCluster | null,
  { name, hash, destination }: ClusterQuestion,
): Promise<ClusterAnswer> {
  if (upstream === null) {
    const message = `The mesh has no cluster '${name}': 503`;
    const hint = "Check that the Service exists, and its subset in a DestinationRule";
    return { cluster: null, endpoint: null, problem: { message, hint } };
  }
  let host: UpstreamHost | null = null;
  let failure: string | null = null;
  try {
    host = await upstream.pick(new UpstreamAttempt({ hash, destination }));
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  const hosts = [...upstream.hosts()];
  const cluster: ClusterLine = {
    name: upstream.cluster.name,
    type: upstream.cluster.type,
    loadBalancing: upstream.cluster.loadBalancing.policy,
    endpoints: hosts.length,
    healthy: hosts.filter(({ health }) => health === "healthy").length,
  };
  if (host !== null) return { cluster, endpoint: describe(host), problem: null };
  const message = failure ??
    (hosts.length === 0
      ? `Cluster '${name}' has no endpoints: 503`
      : `None of the ${hosts.length} endpoints of cluster '${name}' is healthy: 503`);
  const hint = hosts.length === 0 && failure === null
    ? "Check that its Service selects running pods, with the labels of the subset"
    : null;
  return { cluster, endpoint: null, problem: { message, hint } };
}

function describe({ endpoint, transport }: UpstreamHost): EndpointLine {
  return {
    address: formatAddress({ hostname: endpoint.address, port: endpoint.port }),
    hostname: endpoint.hostname,
    transport: transportWord(transport),
    serverName: transport.kind === "tls" ? transport.context.sni : "",
  };
}

function transportWord(transport: TransportSocket): EndpointLine["transport"] {
  if (transport.kind !== "tls") return transport.kind;
  return transport.context.certificates.length > 0 ? "mutual TLS" : "TLS";
}
