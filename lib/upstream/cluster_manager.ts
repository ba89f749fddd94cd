import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { LocalityEndpoints } from "../resource/endpoint.ts";
import type { Snapshot, SnapshotChange, SnapshotSource } from "../resource/snapshot.ts";
import { MetricRegistry } from "../telemetry/metric_registry.ts";
import type { Connector } from "../transport/connector.ts";
import type { Resolve } from "../transport/dns.ts";
import type { StreamTls } from "../transport/stream_tls.ts";
import type { SecretProvider } from "../transport/secret_provider.ts";
import { AggregateTarget } from "./aggregate_target.ts";
import { DnsResolver } from "./dns_resolver.ts";
import { HostConnector } from "./host_connector.ts";
import { clusterSecretNames } from "./secret_names.ts";
import type { HttpCodecs } from "./http_codecs.ts";
import { ClientTlsFactory } from "./transport_socket.ts";
import { UpstreamCluster, type UpstreamClusterDeps } from "./upstream_cluster.ts";
import type { UpstreamSource } from "./upstream_target.ts";
import { localityName } from "./zone_facts.ts";

/** What a {@linkcode ClusterManager} works with. */
export interface ClusterManagerOptions {
  source: SnapshotSource;
  secrets: SecretProvider;
  connector: Connector;
  /** Speaks the application's own TLS inside a connection. */
  streamTls: Pick<StreamTls, "start">;
  codecs: HttpCodecs;
  /** Whether HTTP/1.1 between enmesh peers travels over HTTP/2. @default {true} */
  multiplex?: boolean;
  resolve: Resolve;
  clock: Clock;
  random: Random;
  logger: Logger;
  /**
   * Where this caller is, and the EDS name of the cluster of its own kind (Envoy's `local_cluster_name`), for zone-aware
   * routing.
   * @default {unknown}
   */
  zone?: { readonly locality: Pick<LocalityEndpoints, "region" | "zone" | "subZone">; readonly callers: string | null };
  /** Where clusters count. @default {a registry of its own} */
  metrics?: MetricRegistry;
}

/**
 * The clusters in use. A cluster comes to life with its first request, for an application talks to a handful of a mesh's
 * thousands; it then follows the snapshots: new endpoints change it in place, a new configuration replaces it (the old
 * one drains), a removed one drains.
 */
export class ClusterManager implements UpstreamSource {
  /** Opens connections to hosts; for TCP. */
  readonly hostConnector: HostConnector;
  readonly #source: SnapshotSource;
  readonly #secrets: SecretProvider;
  readonly #deps: UpstreamClusterDeps;
  readonly #clusters = new Map<string, UpstreamCluster>();
  readonly #aggregates = new Map<string, AggregateTarget>();
  /** Replaced or removed clusters whose last requests are still under way. */
  readonly #former = new Set<UpstreamCluster>();
  readonly #unsubscribe: () => void;
  /** EDS name of the callers' own cluster. */
  readonly #callers: string | null;
  #closed = false;

  /** @param options Configuration source, secrets, sockets, codecs. */
  constructor(options: ClusterManagerOptions) {
    const { source, secrets, connector, streamTls, codecs, multiplex = true, resolve, clock, random, logger } = options;
    this.#source = source;
    this.#secrets = secrets;
    this.hostConnector = new HostConnector({
      connector,
      streamTls,
      codecs,
      clock,
      multiplex,
      tls: new ClientTlsFactory(secrets),
    });
    const dns = new DnsResolver({ resolve, clock });
    const { zone } = options;
    const zones = zone === undefined ? {} : {
      zones: {
        own: localityName(zone.locality),
        callers: () => zone.callers === null ? null : source.current.endpoints(zone.callers),
      },
    };
    this.#callers = zone?.callers ?? null;
    const { metrics = new MetricRegistry() } = options;
    this.#deps = { connector: this.hostConnector, dns, clock, random, logger, metrics, ...zones };
    this.#unsubscribe = source.subscribe((snapshot, change) => this.#follow(snapshot, change));
  }

  /** The cluster of that name, made on first use; `null` where the configuration has none. */
  target(name: string): UpstreamCluster | AggregateTarget | null {
    return this.#clusters.get(name) ?? this.#aggregates.get(name) ?? this.#make(name);
  }

  /** The clusters in use, for admin pages. */
  clusters(): Iterable<UpstreamCluster> {
    return this.#clusters.values();
  }

  /** Takes no new connections into use; those that exist close once idle. */
  drain(): void {
    for (const cluster of this.#clusters.values()) cluster.drain();
  }

  /** Closes every connection at once and stops following the configuration. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    for (const cluster of [...this.#clusters.values(), ...this.#former]) cluster.close();
    this.#clusters.clear();
    this.#aggregates.clear();
    this.#former.clear();
    this.hostConnector.close();
  }

  #make(name: string): UpstreamCluster | AggregateTarget | null {
    if (this.#closed) return null;
    const snapshot = this.#source.current;
    const cluster = snapshot.cluster(name);
    if (cluster === null) return null;
    if (cluster.type !== "aggregate") return this.#add(cluster, snapshot);
    const added = new AggregateTarget(cluster, (member) => this.#member(member), this.#deps.random, this.#deps.clock);
    this.#aggregates.set(name, added);
    return added;
  }

  /** A cluster that an aggregate is made of. Aggregates of aggregates are not followed. */
  #member(name: string): UpstreamCluster | null {
    const target = this.target(name);
    return target instanceof UpstreamCluster ? target : null;
  }

  #add(cluster: Cluster, snapshot: Snapshot): UpstreamCluster {
    const assignment = cluster.edsServiceName === null ? null : snapshot.endpoints(cluster.edsServiceName);
    const added = new UpstreamCluster(cluster, assignment, this.#deps);
    this.#clusters.set(cluster.name, added);
    this.#followSecrets();
    return added;
  }

  #follow(snapshot: Snapshot, change: SnapshotChange): void {
    for (const name of change.clusters) {
      const aggregate = this.#aggregates.get(name);
      const known = this.#clusters.get(name);
      // Only what is in use is looked at: asking for a cluster reads it, and there may be ten thousand.
      if (aggregate !== undefined && snapshot.cluster(name) !== aggregate.cluster) this.#aggregates.delete(name);
      if (known === undefined) continue;
      const cluster = snapshot.cluster(name);
      // The snapshot keeps an object for as long as its bytes are the same: identity is the configuration hash.
      if (cluster === known.cluster) continue;
      // The next request makes it anew.
      known.drain();
      this.#clusters.delete(name);
      this.#former.add(known);
    }
    for (const former of this.#former) if (former.resources.connections.count === 0) this.#former.delete(former);
    if (change.clusters.size > 0) this.#followSecrets();
    if (change.endpoints.size === 0) return;
    const zonesChanged = this.#callers !== null && change.endpoints.has(this.#callers);
    for (const known of this.#clusters.values()) {
      if (zonesChanged) known.zonesChanged();
      const service = known.cluster.edsServiceName;
      if (service === null || !change.endpoints.has(service)) continue;
      const assignment = snapshot.endpoints(service);
      if (assignment !== null) known.setEndpoints(assignment);
    }
  }

  /** Asks for the secrets of the clusters in use, and for no others: an application talks to a handful. */
  #followSecrets(): void {
    const { discovery } = this.#secrets;
    if (discovery === undefined || discovery === null) return;
    const names = new Set<string>();
    for (const { cluster } of [...this.#clusters.values(), ...this.#former]) {
      for (const name of clusterSecretNames(cluster)) names.add(name);
    }
    discovery.follow(names);
  }
}
