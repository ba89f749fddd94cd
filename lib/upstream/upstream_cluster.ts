import { MeshError } from "../errors.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { LoadBalancer } from "../load_balancer/load_balancer.ts";
import { OriginalDstBalancer } from "../load_balancer/original_dst.ts";
import type { PriorityCounts } from "../load_balancer/priority_load.ts";
import type { Cluster, TransportSocket } from "../resource/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../resource/endpoint.ts";
import type { AggregateMember } from "./aggregate_target.ts";
import { ClusterBalancer } from "./cluster_balancer.ts";
import type { ZoneFacts } from "./zone_facts.ts";
import type { MetricRegistry } from "../telemetry/metric_registry.ts";
import { ClusterHealth } from "./cluster_health.ts";
import { ClusterNames } from "./cluster_names.ts";
import type { Destinations } from "./destinations.ts";
import type { DnsResolver } from "./dns_resolver.ts";
import { DynamicHosts } from "./dynamic_hosts.ts";
import { UpstreamHost } from "./host.ts";
import type { HostConnector } from "./host_connector.ts";
import { noHost } from "./no_host.ts";
import { OriginalDestinations } from "./original_destinations.ts";
import type { OutlierDetector } from "./outlier_detection.ts";
import { ClusterResources, DEFAULT_CIRCUIT_BREAKERS } from "./resources.ts";
import { selectTransportSocket } from "./transport_socket.ts";
import type { UpstreamAttempt } from "./upstream_attempt.ts";

/** What a cluster needs at run time. */
export interface UpstreamClusterDeps {
  connector: HostConnector;
  dns: DnsResolver;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Where callers of the mesh's own kind are, for zone-aware routing. @default {unknown} */
  zones?: ZoneFacts;
  metrics: MetricRegistry;
}

/**
 * A cluster at run time: hosts, load balancer, circuit breakers, ejections. It lives as long as its configuration is
 * the same; endpoints come and go in it, and a host that stays keeps its connections.
 */
export class UpstreamCluster implements AggregateMember {
  readonly cluster: Cluster;
  readonly resources: ClusterResources;
  readonly highResources: ClusterResources;
  readonly #deps: UpstreamClusterDeps;
  readonly #hosts = new Map<string, UpstreamHost>();
  readonly #health: ClusterHealth | null;
  readonly #destinations: Destinations | null;
  /** The names of a DNS cluster. */
  readonly #names: ClusterNames | null;
  /** The assignment as it came last. */
  #received: ClusterLoadAssignment | null = null;
  /** The same with the hosts that stay although they are gone from it. */
  #assignment: ClusterLoadAssignment | null = null;
  readonly #balancer: LoadBalancer<UpstreamHost>;
  /** The same balancer where it chooses among endpoints; `null` where the caller says where to go. */
  readonly #membership: ClusterBalancer | null;
  #state: "open" | "draining" | "closed" = "open";
  /** Set while names are resolved and hosts are checked for the first time: requests wait for it. */
  #warming: Promise<void> | null = null;
  /** Whether anyone has waited for that. */
  #wanted = false;

  /**
   * @param cluster The validated resource.
   * @param assignment Endpoints of an EDS cluster; `null` before they arrived, and for other types.
   * @param deps Connector, resolver, clock, randomness.
   */
  constructor(cluster: Cluster, assignment: ClusterLoadAssignment | null, deps: UpstreamClusterDeps) {
    this.cluster = cluster;
    this.resources = new ClusterResources(cluster.circuitBreakers, deps.clock);
    this.highResources = new ClusterResources(
      cluster.highPriorityCircuitBreakers ?? DEFAULT_CIRCUIT_BREAKERS,
      deps.clock,
    );
    this.#deps = deps;
    this.#health = ClusterHealth.of(cluster, {
      ...deps,
      hasTraffic: () => this.#wanted || this.#hosts.values().some(({ total }) => total > 0),
      onChange: () => this.#membership?.healthChanged(),
      onGone: () => this.#apply(this.#received!),
    });
    this.#destinations = cluster.type === "original_dst"
      ? new OriginalDestinations(cluster, deps.clock)
      : cluster.type === "dynamic_forward_proxy"
      ? new DynamicHosts(cluster, deps.clock)
      : null;
    const destinations = this.#destinations;
    if (destinations !== null) {
      this.#membership = null;
      this.#balancer = new OriginalDstBalancer((address) => destinations.host(address));
    } else {
      this.#membership = new ClusterBalancer({
        cluster,
        host: (key) => this.#hosts.get(key),
        active: () => this.resources.requests.count,
        ...deps,
      });
      this.#balancer = this.#membership;
    }
    this.#names = cluster.loadAssignment === null || !isDns(cluster) ? null : new ClusterNames(
      cluster,
      cluster.loadAssignment,
      { ...deps, onResolved: (assignment) => this.setEndpoints(assignment) },
    );
    if (cluster.type === "eds") {
      if (assignment !== null) this.setEndpoints(assignment);
    } else if (this.#names !== null) {
      this.#warming = this.#firstAddresses(this.#names);
    } else if (cluster.loadAssignment !== null) {
      this.setEndpoints(cluster.loadAssignment);
    }
    if (cluster.healthCheck !== null) this.#warming = this.#firstRound(this.#warming);
  }

  async #firstAddresses(names: ClusterNames): Promise<void> {
    await names.resolve();
    if (this.cluster.healthCheck === null) this.#warming = null;
  }

  /** Whether each host has been checked once, after names were resolved. */
  async #firstRound(resolved: Promise<void> | null): Promise<void> {
    await resolved;
    await this.#health!.firstRound();
    this.#warming = null;
  }

  /** Every host, for admin pages. */
  hosts(): Iterable<UpstreamHost> {
    return this.#destinations?.hosts() ?? this.#hosts.values();
  }

  get warming(): Promise<void> | null {
    return this.#warming;
  }

  priorities(): readonly PriorityCounts[] {
    return this.#membership?.priorities() ?? [];
  }

  /** What outlier detection knows; `null` where it is not configured. For admin pages. */
  get outliers(): OutlierDetector | null {
    return this.#health?.outliers ?? null;
  }

  /** Takes over a newer set of endpoints. Hosts that stay keep their connections, hosts that are gone drain theirs. */
  setEndpoints(assignment: ClusterLoadAssignment): void {
    if (this.#state !== "open" || assignment === this.#received) return;
    this.#received = assignment;
    this.#apply(assignment);
  }

  #apply(received: ClusterLoadAssignment): void {
    const health = this.#health;
    const assignment = this.#assignment = health?.retain(received, this.#assignment, this.#hosts) ?? received;
    const gone = new Set(this.#hosts.keys());
    let changed = false;
    for (const { endpoints } of assignment.localities) {
      for (const endpoint of endpoints) {
        gone.delete(endpoint.key);
        const known = this.#hosts.get(endpoint.key);
        if (known !== undefined) {
          if (known.update(endpoint, selectTransportSocket(this.cluster, endpoint))) health?.update(known);
          continue;
        }
        const host = this.#newHost(endpoint);
        this.#hosts.set(endpoint.key, host);
        health?.add(host);
        changed = true;
      }
    }
    for (const key of gone) {
      const host = this.#hosts.get(key)!;
      health?.remove(host);
      host.drain();
      this.#hosts.delete(key);
    }
    if (this.cluster.loadBalancing.closeConnectionsOnHostSetChange && (changed || gone.size > 0)) {
      for (const host of this.#hosts.values()) host.drain();
    }
    this.#membership?.setEndpoints(assignment);
  }

  send(request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse> {
    if (this.#warming !== null) {
      this.#wanted = true;
      return this.#dispatchAfter(this.#warming, request, attempt);
    }
    this.#names?.refreshWhenDue();
    const { destination } = attempt;
    const destinations = this.#destinations;
    if (destinations !== null && destination !== null && destinations.needsDns(destination)) {
      return this.#dispatchAfter(destinations.resolve(destination, this.#deps.dns), request, attempt);
    }
    return this.#dispatch(request, attempt);
  }

  /** The callers' own cluster has changed: zones may be weighed otherwise. */
  zonesChanged(): void {
    this.#membership?.healthChanged();
  }

  /** Chooses a host without sending anything (TCP). `null` where none is usable. */
  async pick(attempt: UpstreamAttempt): Promise<UpstreamHost | null> {
    this.#wanted = true;
    if (this.#warming !== null) await this.#warming;
    const { destination } = attempt;
    if (destination !== null && this.#destinations?.needsDns(destination)) {
      await this.#destinations.resolve(destination, this.#deps.dns);
    }
    return attempt.host = this.#balancer.pick(attempt);
  }

  /** Takes no more requests; connections close once idle. */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    // What waits for the first checks gets its answer.
    if (this.#warming === null) this.#health?.stop();
    else this.#warming.then(() => this.#health?.stop());
    for (const host of this.hosts()) host.drain();
  }

  /** Closes every connection at once. */
  close(): void {
    this.#state = "closed";
    this.#health?.stop();
    for (const host of this.hosts()) host.close();
    this.#hosts.clear();
  }

  /** Sends once names are resolved; a caller that gives up does not wait for that. */
  #dispatchAfter(ready: Promise<void>, request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse> {
    const { exchange } = attempt;
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) => {
        exchange.complete(error);
        reject(error);
      };
      exchange.onCancel(refuse);
      ready.then(() => {
        if (!exchange.cancelled) resolve(this.#dispatch(request, attempt));
      }, refuse);
    });
  }

  #dispatch(request: HttpRequest, attempt: UpstreamAttempt): Promise<HttpResponse> {
    const { exchange } = attempt;
    const resources = attempt.highPriority ? this.highResources : this.resources;
    const { requests } = resources;
    if (this.#state === "closed") {
      return fail(attempt, new MeshError("MESH_CLOSED", "Cannot send the request: the mesh was closed"));
    }
    if (requests.full) {
      return fail(
        attempt,
        new MeshError(
          "UPSTREAM_OVERFLOW",
          `Cannot send the request to '${this.cluster.name}': '${requests.count}' are under way; ` +
            "check the connection pool limits of its DestinationRule",
        ),
      );
    }
    const host = this.#balancer.pick(attempt);
    if (host === null) {
      return fail(attempt, noHost(this.cluster, this.#hosts.size, this.#names?.failure ?? null, attempt));
    }
    attempt.host = host;
    if (attempt.requiresMutualTls && !isMutualTls(host.transport)) {
      return fail(
        attempt,
        new MeshError(
          "ACCESS_DENIED",
          `Cannot send call credentials to '${host.key}': it is not spoken to in mutual TLS, and others could read ` +
            "them; give the workload a place in the mesh, or send them as metadata where that is meant",
        ),
      );
    }
    attempt.onHost?.(host);
    host.active++;
    host.total++;
    requests.count++;
    resources.window?.add();
    const health = this.#health;
    let answered = false;
    exchange.onComplete((error) => {
      host.active--;
      requests.count--;
      if (answered && error !== null) health!.onBroken(host, error);
    });
    const response = this.#deps.connector.send(this.cluster, resources, host, request, attempt);
    // The codec completes the exchange of every request it accepted; this covers the ones it never saw.
    response.then(
      health === null ? undefined : (response) => {
        answered = true;
        health.onResponse(host, request, response);
      },
      (error) => {
        exchange.complete(error);
        health?.onFailure(host, error);
      },
    );
    return response;
  }

  #newHost(endpoint: Endpoint): UpstreamHost {
    return new UpstreamHost(endpoint, selectTransportSocket(this.cluster, endpoint), endpoint.key);
  }
}

function isDns(cluster: Cluster): boolean {
  return cluster.type === "strict_dns" || cluster.type === "logical_dns";
}

function fail(attempt: UpstreamAttempt, error: unknown): Promise<never> {
  attempt.exchange.complete(error);
  return Promise.reject(error);
}

/** Whether both sides of such a connection show a certificate that the other verifies. */
function isMutualTls(transport: TransportSocket): boolean {
  return transport.kind === "tls" && transport.context.certificates.length > 0 &&
    (transport.context.validation?.trust ?? null) !== null;
}
