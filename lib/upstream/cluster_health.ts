import { hasGrpcContentType, httpStatusOfGrpc } from "../formatter/grpc_status.ts";
import { parseGrpcStatus } from "../grpc/status.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { ClusterLoadAssignment } from "../resource/endpoint.ts";
import type { ResetReason } from "../router/retry_policy.ts";
import type { MetricRegistry } from "../telemetry/metric_registry.ts";
import { ClusterMetrics } from "./cluster_metrics.ts";
import { resetReasonOf } from "./failure_reply.ts";
import { HealthChecker } from "./health_checker.ts";
import type { UpstreamHost } from "./host.ts";
import type { HostConnector } from "./host_connector.ts";
import { OutlierDetector } from "./outlier_detection.ts";
import { retainEndpoints } from "./retained_endpoints.ts";

/** Reasons for which there never was a connection. */
const WITHOUT_CONNECTION: ReadonlySet<string> = new Set<ResetReason>([
  "local connection failure",
  "remote connection failure",
  "connection timeout",
]);

/** What {@linkcode ClusterHealth} works with. */
export interface ClusterHealthDeps {
  readonly connector: HostConnector;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Whether the cluster ever had traffic. */
  readonly hasTraffic: () => boolean;
  /** Called when the health of a host has changed. */
  readonly onChange: () => void;
  /** Called when a host that only its health kept in the cluster has lost that too. */
  readonly onGone: () => void;
}

/**
 * Everything that judges the hosts of one cluster by what happens: outlier detection and active health checks, with
 * what each has to tell the other.
 */
export class ClusterHealth {
  /** Outlier detection; `null` where it is not configured. */
  readonly outliers: OutlierDetector | null;
  readonly #checker: HealthChecker | null;
  readonly #retains: boolean;
  readonly #detectsDegraded: boolean;

  private constructor(cluster: Cluster, deps: ClusterHealthDeps) {
    const { outlierDetection, healthCheck, name: clusterName } = cluster;
    const { clock, random, logger, metrics, onChange } = deps;
    this.outliers = outlierDetection === null ? null : new OutlierDetector(outlierDetection, {
      clock,
      random,
      logger,
      clusterName,
      metrics: new ClusterMetrics(metrics, clusterName, "outlier_detection"),
      onChange,
    });
    this.#detectsDegraded = outlierDetection?.detectDegradedHosts === true;
    this.#retains = healthCheck !== null && !cluster.ignoreHealthOnHostRemoval;
    this.#checker = healthCheck === null ? null : new HealthChecker(cluster, healthCheck, {
      ...deps,
      metrics: new ClusterMetrics(metrics, clusterName, "health_check"),
      onResult: (host, healthy, transition) => {
        if (healthy && !host.failedHealthCheck) this.outliers?.onHealthy(host);
        if (host.removed && host.failedHealthCheck) deps.onGone();
        else if (transition === "changed") onChange();
      },
    });
  }

  /** What watches the hosts of a cluster; `null` where nothing is configured, which then costs nothing. */
  static of(cluster: Cluster, deps: ClusterHealthDeps): ClusterHealth | null {
    return cluster.outlierDetection === null && cluster.healthCheck === null ? null : new ClusterHealth(cluster, deps);
  }

  /** Watches a new host. */
  add(host: UpstreamHost): void {
    this.outliers?.add(host);
    this.#checker?.add(host);
  }

  /** The endpoint or the transport of a host is another one. */
  update(host: UpstreamHost): void {
    this.#checker?.update(host);
  }

  /** Forgets a host. */
  remove(host: UpstreamHost): void {
    this.outliers?.remove(host);
    this.#checker?.remove(host);
  }

  /**
   * A new assignment with the hosts that stay although they are gone from it: as in Envoy, whoever passes health checks
   * is believed more than a registry that may have lost sight of it.
   */
  retain(
    next: ClusterLoadAssignment,
    former: ClusterLoadAssignment | null,
    hosts: ReadonlyMap<string, UpstreamHost>,
  ): ClusterLoadAssignment {
    if (!this.#retains) return next;
    const present = new Set(next.localities.flatMap(({ endpoints }) => endpoints.map(({ key }) => key)));
    for (const [key, host] of hosts) host.removed = !present.has(key);
    return retainEndpoints(next, former, ({ key }) => {
      const host = hosts.get(key);
      if (host === undefined || !this.#checker!.checks(host) || host.failedHealthCheck) return false;
      const { health } = host.endpoint;
      return health !== "unhealthy" && health !== "timeout";
    });
  }

  /** Settles once every host has been checked once; `null` where that needs no waiting. */
  firstRound(): Promise<void> | null {
    return this.#checker === null ? null : this.#checker.firstRound();
  }

  /** A response came. */
  onResponse(host: UpstreamHost, request: HttpRequest, { status, headers }: HttpResponse): void {
    if (this.outliers !== null) {
      // Only what stands in the head is looked at, as in Envoy: trailers come too late.
      const grpc = hasGrpcContentType(request.headers) ? headers.get("grpc-status") : undefined;
      this.outliers.onResponse(host, grpc === undefined ? status : httpStatusOfGrpc(parseGrpcStatus(grpc)));
      if (this.#detectsDegraded && headers.has("x-envoy-degraded")) this.outliers.onDegraded(host);
    }
    if (this.#checker !== null && headers.has("x-envoy-immediate-health-check-fail")) this.#checker.refuse(host);
  }

  /** No response came. */
  onFailure(host: UpstreamHost, error: unknown): void {
    const reason = this.outliers === null ? null : resetReasonOf(error);
    // Overflow is ours, a failing request body the caller's: neither says anything about the host.
    if (reason === null || reason === "overflow") return;
    const status = reason === "local reset" ? 504 : 503;
    this.outliers!.onFailure(host, status, !WITHOUT_CONNECTION.has(reason));
  }

  /** A response broke off after its head. */
  onBroken(host: UpstreamHost, error: unknown): void {
    const reason = this.outliers === null ? null : resetReasonOf(error);
    if (reason === null || reason === "overflow" || reason === "local reset") return;
    this.outliers!.onFailure(host, 503, false);
  }

  /** Ends every check and timer. */
  stop(): void {
    this.outliers?.stop();
    this.#checker?.stop();
  }
}
