import { MeshError } from "../errors.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import { xxHash64 } from "../internal/xx_hash64.ts";
import type { Cluster } from "../resource/cluster.ts";
import { hostDestination } from "./destination.ts";
import { UpstreamAttempt } from "./upstream_attempt.ts";
import type { UpstreamSource } from "./upstream_target.ts";

/** How one request to a cluster is made. */
export interface ClusterRequestOptions {
  /** Most milliseconds until the response is complete; `null` for no limit. */
  readonly timeoutMs: number | null;
  /** Gives the request up. */
  readonly signal: AbortSignal;
}

/** What a {@linkcode ClusterClient} works with. */
export interface ClusterClientOptions {
  readonly clusters: UpstreamSource;
  /** Whether the configuration has a cluster of that name, without bringing it to life. */
  readonly exists: (cluster: string) => boolean;
  /** Timers by the thousand, coarse and cheap. */
  readonly timers: Clock;
}

/**
 * Sends requests that are not the application's to clusters: those of filters, of Wasm modules, of exporters. As from
 * Envoy's async client they pass no listener, route or HTTP filter and are not tried again; load balancing, circuit
 * breakers, health, transport and codec are those of the cluster.
 */
export class ClusterClient {
  readonly #clusters: UpstreamSource;
  readonly #exists: (cluster: string) => boolean;
  readonly #timers: Clock;

  /** @param options Clusters and timers. */
  constructor({ clusters, exists, timers }: ClusterClientOptions) {
    this.#clusters = clusters;
    this.#exists = exists;
    this.#timers = timers;
  }

  /** Whether there is a cluster of that name. */
  has(cluster: string): boolean {
    return this.#exists(cluster);
  }

  /**
   * Sends a request. Resolves with the head of the response; the body follows, and fails where the limit of time passes
   * meanwhile. The authority decides where policies choose by hash. Headers say what those of Envoy's client say: the limit
   * of time, and how long the upstream took.
   *
   * @param cluster Name of the cluster.
   * @param request The request; its headers are changed, for it is marked as one of the mesh's own.
   * @param options Limit of time, and a way to give it up.
   * @throws {MeshError} `NO_CLUSTER_FOUND`, `UPSTREAM_REQUEST_TIMEOUT`, whatever keeps the request from being answered,
   * or the reason of the signal.
   */
  async send(cluster: string, request: HttpRequest, options: ClusterRequestOptions): Promise<HttpResponse> {
    const { timeoutMs, signal } = options;
    signal.throwIfAborted();
    const target = this.#clusters.target(cluster);
    if (target === null) {
      request.body?.cancel();
      throw new MeshError(
        "NO_CLUSTER_FOUND",
        `Cannot send the request: there is no cluster '${cluster}'; check the name, and the Sidecar that limits what is known`,
      );
    }
    request.headers.set("x-envoy-internal", "true");
    if (timeoutMs !== null) request.headers.set("x-envoy-expected-rq-timeout-ms", String(timeoutMs));
    const startedAt = this.#timers.monotonic();
    const attempt = new UpstreamAttempt({
      hash: xxHash64(request.authority),
      headers: request.headers,
      destination: destination(target.cluster, request),
    });
    const { exchange } = attempt;
    const abort = () => exchange.cancel(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const timer = timeoutMs === null ? null : this.#timers.timer(timeoutMs, () =>
      exchange.cancel(
        new MeshError(
          "UPSTREAM_REQUEST_TIMEOUT",
          `Cannot wait for the answer of '${cluster}': '${timeoutMs}' ms have passed; give the call more time`,
        ),
      ));
    exchange.onComplete(() => {
      timer?.cancel();
      signal.removeEventListener("abort", abort);
    });
    const response = await target.send(request, attempt);
    const elapsed = Math.round(this.#timers.monotonic() - startedAt);
    response.headers.set("x-envoy-upstream-service-time", String(elapsed));
    return response;
  }
}

/** Where clusters go that ask the request. */
function destination(cluster: Cluster, { authority, headers }: HttpRequest): string | null {
  if (cluster.type === "dynamic_forward_proxy") return hostDestination(cluster, authority);
  const { originalDstHeader } = cluster;
  return cluster.type !== "original_dst" || originalDstHeader === null ? null : headers.get(originalDstHeader) ?? null;
}
