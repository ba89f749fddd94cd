/**
 * Everything a joined mesh is made of, put together in the order of its story: identity, configuration, the stacks,
 * the servers, and the way out.
 *
 * @module
 */
import { adminHandler } from "./admin/admin_handler.ts";
import type { Readiness } from "./admin/admin_view.ts";
import {
  AGENT_STATUS_PATHS,
  PROMETHEUS_PATHS,
  READINESS_PATHS,
  statusHandler,
  type StatusPath,
} from "./admin/status_handler.ts";
import type { Bootstrap } from "./bootstrap/bootstrap.ts";
import { buildNode, ISTIO_VERSION } from "./bootstrap/node.ts";
import { Configuration } from "./configuration.ts";
import { MeshError } from "./errors.ts";
import { createFetch, type Fetch } from "./fetch.ts";
import { filterParsers } from "./filter/filter_registry.ts";
import type { OpenAccessLog } from "./filter/access_log_layers.ts";
import type { FilterContext, HttpFilterPlan } from "./filter/http_filter.ts";
import type { FilterHandle } from "./filter/filter_handle.ts";
import type { MeshFilter } from "./filter/mesh_filter.ts";
import type { ReadyFilter } from "./filter/ready_filter.ts";
import { UserFilters } from "./filter/user_filters.ts";
import { FILTERS } from "./filters.ts";
import { clientKeepaliveMs } from "./http/carrier.ts";
import { GrpcChannel } from "./grpc/channel.ts";
import type { GrpcChannelOptions } from "./grpc/channel_options.ts";
import { OutboundGrpcTransport } from "./grpc_transport.ts";
import { connectHttp1 } from "./http/http1/client_connection.ts";
import { OpenSockets } from "./http/websocket/open_sockets.ts";
import { connectHttp2 } from "./http/http2/client_connection.ts";
import { DiscoveredSecrets } from "./identity/discovered_secrets.ts";
import { SecretManager } from "./identity/secret_manager.ts";
import { InboundServer, type InboundServerOptions } from "./inbound_server.ts";
import { AdjustableLogger } from "./internal/adjustable_logger.ts";
import type { Clock } from "./internal/clock.ts";
import type { Logger } from "./internal/logger.ts";
import type { Random } from "./internal/random.ts";
import { TimerWheel } from "./internal/timer_wheel.ts";
import { type AdminViewSources, meshAdminView } from "./mesh_admin_view.ts";
import { certificateSource, discoverySecurity, spiffeIdOf } from "./mesh_credentials.ts";
import { meshModuleFetcher } from "./mesh_module_fetcher.ts";
import { meshWasmHost } from "./mesh_wasm.ts";
import { Outbound } from "./outbound.ts";
import { OutboundClient } from "./outbound_client.ts";
import { structToJson } from "./protobuf/well_known.ts";
import { SnapshotStore } from "./resource/snapshot_store.ts";
import { AccessLog } from "./telemetry/access_log.ts";
import { denoLogSink } from "./telemetry/deno_log_sink.ts";
import { exposeMetrics } from "./telemetry/exposition.ts";
import { FilterTelemetry } from "./telemetry/filter_telemetry.ts";
import { IstioMetrics } from "./telemetry/istio_metrics.ts";
import { localWorkload } from "./telemetry/local_node.ts";
import { LogWriters } from "./telemetry/log_writer.ts";
import { MetricRegistry } from "./telemetry/metric_registry.ts";
import { createConnector } from "./transport/connector.ts";
import { systemResolve } from "./transport/dns.ts";
import { HandleRegistry } from "./transport/handle_registry.ts";
import { type HttpEndpoint, serveEndpoint } from "./transport/http_endpoint.ts";
import { StreamTls } from "./transport/stream_tls.ts";
import { countingConnector, refusalCounter } from "./transport/refusal_counter.ts";
import { ServerTlsFactory } from "./transport/server_tls.ts";
import { createRouter } from "../filters/router.ts";
import { WebSocketUpgrades } from "./upgrade_web_socket.ts";
import { ClusterClient } from "./upstream/cluster_client.ts";
import { ClusterManager } from "./upstream/cluster_manager.ts";
import { openSources } from "./proxy_wasm/source/open_source.ts";
import type { WasmHost } from "./proxy_wasm/wasm_host.ts";
import { type CreateWebSocket, createWebSocket } from "./web_socket.ts";
import { AdsClient } from "./xds/ads_client.ts";

/** What the runtime is given from outside. */
export interface MeshRuntimeOptions {
  readonly bootstrap: Bootstrap;
  /** The level of an `AdjustableLogger` can be changed over the admin port. */
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is said when a port is opened. */
export type ListenOptions = Pick<InboundServerOptions, "hostname" | "port" | "meshPort" | "application" | "onDrain">;

/** A joined mesh. */
export class MeshRuntime {
  readonly bootstrap: Bootstrap;
  readonly secrets: SecretManager;
  readonly store: SnapshotStore;
  readonly registry: HandleRegistry = new HandleRegistry();
  readonly metrics: MetricRegistry = new MetricRegistry();
  /** Sends requests; `fetch`, WebSockets and gRPC channels stand on it. */
  readonly client: OutboundClient;
  readonly fetch: Fetch;
  readonly webSocket: CreateWebSocket;
  /** Requests of our servers that may become WebSockets. */
  readonly upgrades: WebSocketUpgrades;
  /** Filters of the application. */
  readonly #filters: UserFilters;
  /** WebSockets we have opened to others. */
  readonly #sockets = new OpenSockets();
  readonly #options: MeshRuntimeOptions;
  readonly #ads: AdsClient;
  readonly #clusters: ClusterManager;
  readonly #outbound: Outbound;
  readonly #inbound: Omit<InboundServerOptions, keyof ListenOptions>;
  readonly #grpc: OutboundGrpcTransport;
  readonly #logWriters: LogWriters;
  readonly #timers: TimerWheel;
  readonly #wasm: WasmHost;
  readonly #node: AdminViewSources["node"];
  readonly #servers = new Set<InboundServer>();
  readonly #endpoints = new Map<string, HttpEndpoint>();
  readonly #failure = Promise.withResolvers<never>();
  #state: "joining" | "joined" | "draining" | "closed" = "joining";
  #closing: Promise<void> | null = null;

  /** Puts everything together; nothing is opened yet. */
  constructor(options: MeshRuntimeOptions) {
    this.#options = options;
    const { bootstrap, clock, random, logger } = options;
    const { registry } = this;
    this.bootstrap = bootstrap;
    this.#failure.promise.catch(() => {});

    // Identity: a certificate from the mesh's CA, renewed for as long as we live.
    const { graceRatio, graceRatioJitter } = bootstrap.certificate;
    const discovered = new DiscoveredSecrets(clock);
    this.secrets = new SecretManager({
      source: certificateSource(bootstrap, { registry, clock, random, logger }),
      spiffeId: spiffeIdOf(bootstrap),
      renewal: { graceRatio, graceRatioJitter },
      discovery: discovered,
      registry,
      clock,
      random,
      logger,
    });

    // Configuration: what istiod sends, kept as a snapshot.
    this.store = new SnapshotStore({
      parsers: filterParsers(FILTERS, new Set(Object.keys(bootstrap.unsupportedFilters))),
      prepareExtension: ({ http }) => (http as HttpFilterPlan | null)?.prepare?.({ wasm: this.#wasm }) ?? null,
      clientNamespace: bootstrap.workload.namespace,
      dnsDomain: bootstrap.workload.dnsDomain,
      logger,
      clock,
    });
    const configuration = new Configuration({
      clock,
      store: this.store,
      // Asked for only where istiod is known to serve it: an unknown type would end the stream.
      onRoots: bootstrap.workload.metadata.PROXY_CONFIG_XDS_AGENT === "true"
        ? (pems) => void this.secrets.setRoots("discovery", pems)
        : null,
      secrets: discovered,
    });
    const connector = createConnector({ registry, clock });
    this.#ads = new AdsClient({
      protocol: bootstrap.protocol,
      address: bootstrap.discovery,
      headers: bootstrap.discovery.headers,
      security: discoverySecurity(bootstrap, () => this.secrets.certificate("default"), logger),
      node: (localAddress) => buildNode(bootstrap, localAddress),
      sink: configuration,
      source: configuration,
      connector,
      registry,
      clock,
      random,
      logger,
      onStatus: (status) => {
        if (status.state === "waiting" && status.permanent) this.#failure.reject(status.error);
      },
    });

    // What every request shares: names of both sides, metrics, logs.
    const node = buildNode(bootstrap, "127.0.0.1");
    const local = { id: node.id ?? "", cluster: node.cluster ?? "", metadata: structToJson(node.metadata) };
    this.#node = local;
    const metrics = new IstioMetrics(this.metrics, localWorkload(local), ISTIO_VERSION);
    const telemetry = new FilterTelemetry(local, metrics);
    this.#logWriters = new LogWriters(denoLogSink, clock, logger);
    this.#timers = new TimerWheel(clock);
    this.#wasm = meshWasmHost({
      clock,
      timers: this.#timers,
      logger,
      metrics: this.metrics,
      node: local,
      openSource: openSources(
        meshModuleFetcher({ settings: bootstrap.modules, connector, clock, random, logger }),
      ),
      clusters: new ClusterClient({
        clusters: { target: (name) => this.#clusters.target(name) },
        exists: (name) => this.store.current.cluster(name) !== null,
        timers: this.#timers,
      }),
      runtime: bootstrap.wasm,
    });
    const shared = {
      clock,
      timers: this.#timers,
      random,
      logger,
      telemetry,
      cluster: (name: string) => this.store.current.cluster(name),
      extension: (name: string) => this.store.current.extension(name),
      wasm: this.#wasm,
    };
    const openAccessLog: OpenAccessLog = (config) => new AccessLog(config, this.#logWriters.get(config.path));

    // Filters that the application adds, for both directions.
    this.#filters = new UserFilters({ clock, random, logger, drainMs: bootstrap.drain.terminationMs });

    // Outbound: listener, route, cluster, endpoint, connection.
    this.#clusters = new ClusterManager({
      source: this.store,
      secrets: this.secrets,
      connector: countingConnector(connector, refusalCounter(this.metrics, "outbound"), logger),
      streamTls: new StreamTls({ registry, clock }),
      codecs: {
        http1: (stream) => connectHttp1(stream, { clock, logger }),
        http2: (stream, keepalive = null) =>
          connectHttp2(stream, {
            clock,
            logger,
            ...(keepalive === null ? { keepaliveMs: clientKeepaliveMs(stream) } : {
              keepaliveMs: keepalive.intervalMs,
              keepaliveTimeoutMs: keepalive.timeoutMs,
              keepaliveWhenIdle: true,
            }),
          }),
      },
      multiplex: bootstrap.multiplex,
      resolve: systemResolve,
      clock,
      random,
      logger,
      // Istio names no cluster of the callers' own kind: zones count only in the order of localities.
      ...(bootstrap.workload.locality === null
        ? {}
        : { zone: { locality: bootstrap.workload.locality, callers: null } }),
      metrics: this.metrics,
    });
    const router = createRouter({ clusters: this.#clusters, clock, random, timers: this.#timers });
    const outbound: FilterContext = { ...shared, direction: "outbound" };
    const filters = this.#filters.layer("outbound");
    this.#outbound = new Outbound({ snapshots: this.store, context: outbound, openAccessLog, router, filters });
    this.client = new OutboundClient({
      outbound: this.#outbound,
      clusters: this.#clusters,
      context: outbound,
      sourceIp: bootstrap.workload.ips[0] ?? null,
      filters,
    });
    this.fetch = createFetch({ clock, client: this.client });
    this.webSocket = createWebSocket({ clock, client: this.client, sockets: this.#sockets });
    this.#grpc = new OutboundGrpcTransport(this.client);

    // Inbound: each listening port is put together when it is opened.
    this.upgrades = new WebSocketUpgrades(clock);
    this.#inbound = {
      snapshots: this.store,
      context: { ...shared, direction: "inbound" },
      openAccessLog,
      filters: this.#filters.layer("inbound"),
      tls: new ServerTlsFactory(this.secrets),
      multiplex: bootstrap.multiplex,
      onTransportFailure: refusalCounter(this.metrics, "inbound"),
      registry,
    };
  }

  /** Joins: gets a certificate and the first complete configuration, then opens the status ports. */
  async join(signal: AbortSignal | null): Promise<void> {
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    const aborted = new Promise<never>((_, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
      if (stop.signal.aborted) reject(stop.signal.reason);
    });
    aborted.catch(() => {});
    // The two do not need each other: the discovery service takes the token as well as the certificate.
    const certificate = this.secrets.start(stop.signal);
    this.#ads.start();
    try {
      await Promise.race([Promise.all([certificate, this.store.whenReady()]), this.#failure.promise, aborted]);
      this.#openEndpoints();
      this.#state = "joined";
    } catch (error) {
      stop.abort(error);
      await certificate.catch(() => {});
      await this.close({ drain: 0 });
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Opens a gRPC channel; see `Mesh.grpcChannel`. */
  grpcChannel(target: string, options: GrpcChannelOptions): GrpcChannel {
    return new GrpcChannel(target, options, {
      transport: this.#grpc,
      clock: this.#timers,
      random: this.#options.random,
    });
  }

  /** Adds a filter of the application; see `Mesh.use`. */
  async use(filter: MeshFilter | ReadyFilter): Promise<FilterHandle> {
    if (this.#state !== "joined") throw new MeshError("MESH_CLOSED", "Cannot use the filter: the mesh was closed");
    return await this.#filters.add(filter);
  }

  /** Opens a listening port. */
  async listen(
    options: ListenOptions,
  ): Promise<InboundServer> {
    if (this.#state !== "joined") throw new MeshError("MESH_CLOSED", "Cannot serve: the mesh was closed");
    const server = await InboundServer.start({ ...this.#inbound, ...options });
    this.#servers.add(server);
    return server;
  }

  /** Forgets a listening port that has ended. */
  forget(server: InboundServer): void {
    this.#servers.delete(server);
  }

  /** Ports of the status and admin interfaces, by name. */
  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#endpoints].map(([name, { port }]) => [name, port]));
  }

  /** The clusters, by which endpoints are chosen. */
  get clusters(): ClusterManager {
    return this.#clusters;
  }

  /** Every metric in Prometheus' text format. */
  exposeMetrics(): string {
    return exposeMetrics(this.metrics);
  }

  /**
   * Leaves the mesh: readiness fails first, then servers and connections finish what is under way, then everything
   * ends. Settles when nothing is open any more.
   */
  close(options: { drain: number }): Promise<void> {
    return this.#closing ??= this.#close(options.drain);
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = "draining";
    const { clock } = this.#options;
    const servers = [...this.#servers];
    this.#sockets.leave();
    const drained = Promise.all([...servers.map((server) => server.drain()), this.client.idle()]);
    await new Promise<void>((resolve) => {
      const limit = clock.timer(drainMs, resolve, { ref: true });
      void drained.then(() => {
        limit.cancel();
        resolve();
      });
    });
    this.#state = "closed";
    this.client.stop();
    const reason = new MeshError("MESH_CLOSED", "Cannot finish the request: the mesh was closed");
    this.client.cancel(reason);
    this.#grpc.close();
    await Promise.all(servers.map((server) => server.close()));
    this.#outbound.close();
    await this.#filters.close();
    this.#wasm.close();
    this.#clusters.close();
    await this.#ads.close();
    await this.secrets.close();
    this.store.close();
    this.#timers.close();
    await this.#logWriters.flush();
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.close()));
    this.#endpoints.clear();
    await this.registry.idle();
  }

  #openEndpoints(): void {
    const { ports } = this.bootstrap;
    const view = {
      readiness: (): Readiness =>
        this.#state === "joined" ? { ready: true } : { ready: false, reason: `the workload is ${this.#state}` },
      metrics: () => this.exposeMetrics(),
      drain: () => void this.close({ drain: this.bootstrap.drain.minimumMs }),
    };
    const open = (name: string, port: number | false, paths: readonly StatusPath[]) => {
      // Scrapers and probes come from outside of the pod.
      if (port !== false) add(name, serveEndpoint({ hostname: "0.0.0.0", port }, statusHandler(view, paths)));
    };
    const add = (name: string, endpoint: HttpEndpoint) => void this.#endpoints.set(name, endpoint);
    open("status", ports.status, AGENT_STATUS_PATHS);
    open("readiness", ports.readiness, READINESS_PATHS);
    open("prometheus", ports.prometheus, PROMETHEUS_PATHS);
    if (ports.admin !== false) {
      const { clock, logger } = this.#options;
      const admin = meshAdminView({
        status: view,
        node: this.#node,
        protocol: this.bootstrap.protocol,
        secrets: this.secrets,
        clusters: () => this.#clusters.clusters(),
        store: this.store,
        logging: logger instanceof AdjustableLogger ? logger : null,
        clock,
      });
      add("admin", serveEndpoint(ports.admin, adminHandler(admin, clock)));
    }
  }
}
