import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterResources } from "./resources.ts";
import type { UpstreamAttempt } from "./upstream_attempt.ts";

/** A place requests can be sent to: a cluster, or (inbound) the application itself. */
export interface UpstreamTarget {
  readonly cluster: Cluster;
  readonly resources: ClusterResources;
  /** What requests of priority HIGH count against. */
  readonly highResources: ClusterResources;
  /**
   * Sends a request to one host, once. Settles at the response head. `attempt.exchange` is completed in every case:
   * when both directions are over, or with the error this rejects with.
   *
   * @throws {MeshError} `NO_HEALTHY_UPSTREAM`, `UPSTREAM_OVERFLOW`, a {@linkcode ConnectError}, what the codec rejects
   * with, or the reason of a cancellation.
   */
  send(request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse>;
}

/** Finds places by cluster name. */
export interface UpstreamSource {
  /** `null` where there is no cluster of that name. */
  target(clusterName: string): UpstreamTarget | null;
}
