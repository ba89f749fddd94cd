import { xxHash64 } from "../../../lib/internal/xx_hash64.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import type { Json } from "../../../lib/protobuf/well_known.ts";
import { parseCluster } from "../../../lib/resource/parse_cluster.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { DnsResolver } from "../../../lib/upstream/dns_resolver.ts";
import type { HostConnector } from "../../../lib/upstream/host_connector.ts";
import { UpstreamAttempt } from "../../../lib/upstream/upstream_attempt.ts";
import { localityName } from "../../../lib/upstream/zone_facts.ts";
import { MetricRegistry } from "../../../lib/telemetry/metric_registry.ts";
import { UpstreamCluster } from "../../../lib/upstream/upstream_cluster.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { freePort, type RunningEnvoy, startEnvoy } from "../envoy.ts";
import { ADMIN, httpListener, ROUTER } from "../http_listener.ts";
import { clusterBytes, forEnvoy } from "./dual.ts";

/** Backends of a test: each answers with its number. */
export interface Backends extends AsyncDisposable {
  readonly ports: readonly number[];
  /** Backends of the requests that wait (with the header `x-hold`) for {@linkcode Backends.release}, in order. */
  readonly held: readonly number[];
  release(): void;
}

/** Starts them. */
export function startBackends(count: number): Backends {
  const held: number[] = [];
  const gate = Promise.withResolvers<void>();
  const servers = Array.from(
    { length: count },
    (_, number) =>
      Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
        if (request.headers.has("x-hold")) {
          held.push(number);
          await gate.promise;
        }
        return new Response(String(number));
      }),
  );
  return {
    ports: servers.map(({ addr }) => addr.port),
    held,
    release: () => gate.resolve(),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}

/** What a request asks for, beyond its cluster. */
export interface Ask {
  /** Hashed. */
  readonly key?: string;
  /** `metadata_match` of the route. */
  readonly subset?: Readonly<Record<string, Json>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An Envoy in front of the backends. A request names its cluster in `x-cluster`. */
export class EnvoySide {
  readonly #envoy: RunningEnvoy;
  readonly #client: Deno.HttpClient;
  readonly #url: string;

  private constructor(envoy: RunningEnvoy, port: number) {
    this.#envoy = envoy;
    this.#url = `http://127.0.0.1:${port}/`;
    this.#client = Deno.createHttpClient({ poolMaxIdlePerHost: 4 });
  }

  /** Starts it with these clusters; `routes` are put before the general one, `filters` before the router. */
  static async start(
    clusters: readonly object[],
    options: { routes?: readonly object[]; filters?: readonly object[]; bootstrap?: object } = {},
  ): Promise<EnvoySide> {
    const port = freePort();
    const hashPolicy = [{ header: { header_name: "x-key" } }];
    const config = {
      admin: ADMIN,
      ...options.bootstrap,
      static_resources: {
        clusters: clusters.map((cluster) => forEnvoy(cluster)),
        listeners: [httpListener("in", {
          port,
          manager: {
            route_config: {
              name: "in",
              virtual_hosts: [{
                name: "in",
                domains: ["*"],
                routes: [
                  ...(options.routes ?? []),
                  { match: { prefix: "/" }, route: { cluster_header: "x-cluster", hash_policy: hashPolicy } },
                ],
              }],
            },
            http_filters: [...(options.filters ?? []), ROUTER],
          },
        })],
      },
    };
    return new EnvoySide(await startEnvoy(config), port);
  }

  /** The whole response. */
  async fetch(cluster: string, ask: Ask = {}): Promise<{ status: number; body: string; headers: Headers }> {
    const response = await fetch(this.#url, {
      client: this.#client,
      headers: { "x-cluster": cluster, ...(ask.key === undefined ? {} : { "x-key": ask.key }), ...ask.headers },
    });
    return { status: response.status, body: await response.text(), headers: response.headers };
  }

  /** The number of the backend a request reaches; `null` where there is no healthy one. */
  async pick(cluster: string, ask: Ask = {}): Promise<number | null> {
    const { status, body } = await this.fetch(cluster, ask);
    if (status === 503 && body.includes("no healthy upstream")) return null;
    if (status !== 200) throw new Error(`Envoy answered '${status}': ${body}`);
    return Number(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#envoy[Symbol.asyncDispose]();
  }
}

/** The same clusters in enmesh. */
export class EnmeshSide {
  readonly #clusters = new Map<string, UpstreamCluster>();
  readonly #ports: readonly number[];

  constructor(clusters: readonly object[], ports: readonly number[], seed: number, own: string | null = null) {
    this.#ports = ports;
    const parsers = { http: new Map(), perRoute: new Map(), network: new Map(), skip: new Set<string>() };
    const random = seededRandom(seed);
    for (const each of clusters) {
      const result = parseCluster(clusterBytes(each), parsers);
      if (!result.ok) throw new Error(result.errors.join("\n"));
      // Hosts take turns while they have reported no load.
      const missing = result.unsupported.filter(({ what }) => !what.includes("client_side_weighted_round_robin"));
      if (missing.length > 0) throw new Error(JSON.stringify(result.unsupported));
      // As in Envoy's bootstrap: the cluster named `local` is the callers' own.
      const callers = () => this.#clusters.get("local")?.cluster.loadAssignment ?? null;
      const zones = own === null
        ? {}
        : { zones: { own: localityName({ region: "r", zone: own, subZone: "" }), callers } };
      this.#clusters.set(
        result.value.name,
        new UpstreamCluster(result.value, null, {
          ...zones,
          // Hosts are chosen here and not connected to.
          connector: {} as HostConnector,
          dns: new DnsResolver({ resolve: () => Promise.reject(new Error("No names here")), clock: systemClock }),
          clock: systemClock,
          random,
          logger: silentLogger,
          metrics: new MetricRegistry(),
        }),
      );
    }
  }

  /** Chooses a host that then has one more request under way. */
  async hold(name: string, ask: Ask): Promise<number | null> {
    const cluster = this.#clusters.get(name)!;
    const backend = await this.pick(name, ask);
    for (const host of cluster.hosts()) if (host.endpoint.port === this.#ports[backend!]) host.active++;
    cluster.resources.requests.count++;
    return backend;
  }

  /** The number of the backend chosen; `null` for none. */
  async pick(cluster: string, ask: Ask = {}): Promise<number | null> {
    const headers = new Headers(ask.headers);
    const host = await this.#clusters.get(cluster)!.pick(
      new UpstreamAttempt({
        hash: ask.key === undefined ? null : xxHash64(ask.key),
        subset: ask.subset ?? null,
        headers: { get: (name) => headers.get(name) ?? undefined },
      }),
    );
    return host === null ? null : this.#ports.indexOf(host.endpoint.port);
  }
}
