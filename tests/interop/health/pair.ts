/** The same cluster in a real Envoy and in enmesh, with the same requests through both. */
import assert from "node:assert/strict";
import { MeshError } from "../../../lib/errors.ts";
import { clustersJson } from "../../../lib/admin/clusters_dump.ts";
import { writeJson } from "../../../lib/admin/json_writer.ts";
import { readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { connectHttp1 } from "../../../lib/http/http1/client_connection.ts";
import { connectHttp2 } from "../../../lib/http/http2/client_connection.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { clusterView } from "../../../lib/mesh_cluster_view.ts";
import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigEndpointV3ClusterLoadAssignment,
  EnvoyConfigEndpointV3LbEndpoint as LbEndpoint,
  MessageMap,
} from "../../../lib/protobuf/gen/messages.ts";
import { encode, type MessageName, packAny, typeUrl } from "../../../lib/protobuf/registry.ts";
import type { Cluster } from "../../../lib/resource/cluster.ts";
import type { ClusterLoadAssignment } from "../../../lib/resource/endpoint.ts";
import { NO_FILTER_PARSERS } from "../../../lib/resource/filter_parsers.ts";
import { parseCluster } from "../../../lib/resource/parse_cluster.ts";
import { parseEndpoint } from "../../../lib/resource/parse_endpoint.ts";
import type { Snapshot, SnapshotChange, SnapshotSource } from "../../../lib/resource/snapshot.ts";
import { createConnector } from "../../../lib/transport/connector.ts";
import { HandleRegistry } from "../../../lib/transport/handle_registry.ts";
import { ClusterManager } from "../../../lib/upstream/cluster_manager.ts";
import { UpstreamAttempt } from "../../../lib/upstream/upstream_attempt.ts";
import { until } from "../../support/until.ts";
import { freePort, startEnvoy } from "../envoy.ts";
import { ADMIN, httpListener } from "../http_listener.ts";
import type { Backend } from "../../support/backend.ts";

/** Of requests, on both sides. */
const TIMEOUT_MS = 1000;
const CLUSTER = "envoy.config.cluster.v3.Cluster";

/** A host as `/clusters?format=json` shows it, as far as these tests compare it. */
export interface HostStatus {
  readonly health: Readonly<Record<string, unknown>>;
  readonly successRate: number | null;
  readonly localOriginSuccessRate: number | null;
}

interface Side {
  /** Sends one request and waits for its end; whatever comes of it. */
  send(): Promise<void>;
  /** In the order of the backends. */
  statuses(): Promise<HostStatus[]>;
}

/** See the module. */
export interface Pair {
  readonly envoy: Side;
  readonly ours: Side;
  /** Gives both another list of endpoints; only for a cluster of type EDS. */
  assign(endpoints: readonly LbEndpoint[]): Promise<void>;
}

/** The endpoint of a backend. */
export function endpointOf({ port }: Backend, config: LbEndpoint["endpoint"] = {}): LbEndpoint {
  return { endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } }, ...config } };
}

/** The cluster's fields that do not differ from test to test. */
export function definition(
  backends: readonly Backend[],
  fields: EnvoyConfigClusterV3Cluster,
): EnvoyConfigClusterV3Cluster {
  return {
    name: "backend",
    type: "STATIC",
    connectTimeout: { seconds: 1 },
    lbPolicy: "ROUND_ROBIN",
    // Health counts at all times, and at once: Envoy gathers changes for a second otherwise.
    commonLbConfig: { healthyPanicThreshold: { value: 0 }, updateMergeWindow: {} },
    ...(fields.type === "EDS" ? {} : { loadAssignment: assignment(backends.map((backend) => endpointOf(backend))) }),
    ...fields,
  };
}

function assignment(lbEndpoints: LbEndpoint[]): EnvoyConfigEndpointV3ClusterLoadAssignment {
  return { clusterName: "backend", endpoints: [{ lbEndpoints }] };
}

/** Runs a test on both sides; everything is closed afterwards. */
export async function withPair(
  backends: readonly Backend[],
  fields: EnvoyConfigClusterV3Cluster,
  test: (pair: Pair) => Promise<void>,
): Promise<void> {
  const message = definition(backends, fields);
  const folder = await Deno.makeTempDir();
  const eds = message.type === "EDS";
  const path = `${folder}/eds.pb`;
  const first = backends.map((backend) => endpointOf(backend));
  const ours = startOurs(backends, { ...message, ...(eds ? { edsClusterConfig: { edsConfig: { ads: {} } } } : {}) });
  const assign = async (endpoints: readonly LbEndpoint[]) => {
    const message = assignment([...endpoints]);
    await writeResponse(path, "envoy.config.endpoint.v3.ClusterLoadAssignment", message);
    ours.assign(message);
  };
  try {
    const theirs = { ...message, ...(eds ? { edsClusterConfig: { edsConfig: { pathConfigSource: { path } } } } : {}) };
    if (eds) await assign(first);
    await writeResponse(`${folder}/cds.pb`, CLUSTER, theirs);
    const port = freePort();
    await using envoy = await startEnvoy(bootstrap(port, `${folder}/cds.pb`));
    const side: Side = {
      async send() {
        const response = await fetch(`http://127.0.0.1:${port}/traffic`);
        await response.body?.cancel();
      },
      async statuses() {
        return statusesOf(await (await fetch(`${envoy.admin}/clusters?format=json`)).json(), backends);
      },
    };
    await until("Envoy has the cluster", async () => {
      const { cluster_statuses: clusters } = await (await fetch(`${envoy.admin}/clusters?format=json`)).json();
      return clusters?.[0]?.host_statuses?.length === backends.length;
    });
    await test({ envoy: side, ours, assign });
  } finally {
    await ours.close();
    await Deno.remove(folder, { recursive: true });
    await Promise.all(backends.map((backend) => backend.close()));
  }
}

function startOurs(
  backends: readonly Backend[],
  message: EnvoyConfigClusterV3Cluster,
): Side & { assign(assignment: EnvoyConfigEndpointV3ClusterLoadAssignment): void; close(): Promise<void> } {
  const parsed = parseCluster(encode(CLUSTER, message), NO_FILTER_PARSERS);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.errors.join("\n"));
  assert.deepEqual(parsed.unsupported, []);
  const registry = new HandleRegistry();
  const options = { clock: systemClock, logger: silentLogger };
  const secrets = { certificate: () => null, trustBundle: () => null, subscribe: () => () => {} };
  const source = new Configuration(parsed.value);
  const manager = new ClusterManager({
    source,
    secrets,
    connector: createConnector({ registry, clock: systemClock }),
    streamTls: { start: () => Promise.reject(new Error("No TLS here")) },
    codecs: { http1: (stream) => connectHttp1(stream, options), http2: (stream) => connectHttp2(stream, options) },
    resolve: () => Promise.reject(new Error("No names here")),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  });
  const clusters = () =>
    Array.from(manager.clusters(), (upstream) => {
      const { cluster } = upstream;
      return clusterView({ cluster, bytes: null, assignment: cluster.loadAssignment, upstream });
    });
  // An EDS cluster comes to life with its endpoints.
  if (parsed.value.type !== "eds") manager.target("backend");
  return {
    assign(message) {
      const parsed = parseEndpoint(encode("envoy.config.endpoint.v3.ClusterLoadAssignment", message));
      assert.ok(parsed.ok, parsed.ok ? "" : parsed.errors.join("\n"));
      source.assign(parsed.value);
      manager.target("backend");
    },
    async send() {
      const attempt = new UpstreamAttempt();
      const late = new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Cannot wait any longer");
      const timer = setTimeout(() => attempt.exchange.cancel(late), TIMEOUT_MS);
      try {
        const response = await manager.target("backend")!.send({
          method: "GET",
          scheme: "http",
          authority: "backend",
          path: "/traffic",
          headers: new HeaderList(),
          body: null,
          protocol: "HTTP/1.1",
        }, attempt);
        await readAll(response.body);
      } catch {
        // Counted as a failure of the host: that is what is looked at.
      }
      await new Promise<void>((resolve) => attempt.exchange.onComplete(() => resolve()));
      clearTimeout(timer);
    },
    statuses: () =>
      Promise.resolve(statusesOf(JSON.parse([...writeJson(clustersJson(clusters()))].join("")), backends)),
    async close() {
      manager.close();
      await registry.idle();
    },
  };
}

/** One cluster, whose endpoints may change. */
class Configuration implements SnapshotSource {
  readonly #cluster: Cluster;
  readonly #listeners = new Set<(snapshot: Snapshot, change: SnapshotChange) => void>();
  #assignment: ClusterLoadAssignment | null = null;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  assign(assignment: ClusterLoadAssignment): void {
    this.#assignment = assignment;
    const none: ReadonlySet<string> = new Set();
    const nothing = { clusters: none, listeners: none, routes: none, extensions: none, nameTable: false };
    const change = { ...nothing, endpoints: new Set(["backend"]) };
    for (const listener of this.#listeners) listener(this.current, change);
  }

  get current(): Snapshot {
    return {
      version: 1,
      cluster: (name) => name === this.#cluster.name ? this.#cluster : null,
      endpoints: () => this.#assignment,
      listener: () => null,
      extension: () => null,
      route: () => null,
      nameTable: { lookup: () => null, names: () => [] },
      outboundListener: () => null,
      virtualOutbound: null,
      virtualInbound: null,
      clusterNames: [this.#cluster.name],
      listenerNames: [],
      routeNames: [],
    };
  }

  subscribe(listener: (snapshot: Snapshot, change: SnapshotChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Puts a file in place at once: Envoy looks at it when it is moved there. */
async function writeResponse<N extends MessageName>(path: string, name: N, message: MessageMap[N]): Promise<void> {
  const value = encode("envoy.service.discovery.v3.DiscoveryResponse", {
    versionInfo: crypto.randomUUID(),
    typeUrl: typeUrl(name),
    resources: [packAny(name, message)],
  });
  await Deno.writeFile(`${path}.new`, value);
  await Deno.rename(`${path}.new`, path);
}

// deno-lint-ignore no-explicit-any -- the answer of another program.
function statusesOf(answer: any, backends: readonly Backend[]): HostStatus[] {
  return backends.map(({ port }) => {
    // deno-lint-ignore no-explicit-any -- as above.
    const host = answer.cluster_statuses?.[0]?.host_statuses?.find((status: any) =>
      status.address.socket_address.port_value === port
    );
    return {
      health: host?.health_status ?? {},
      successRate: rate(host?.success_rate),
      localOriginSuccessRate: rate(host?.local_origin_success_rate),
    };
  });
}

/** Protobuf's JSON leaves a value of 0 out. */
function rate(value: { value?: number } | undefined): number | null {
  return value === undefined ? null : value.value ?? 0;
}

function bootstrap(port: number, cds: string): unknown {
  return {
    node: { id: "test", cluster: "test" },
    admin: ADMIN,
    dynamic_resources: { cds_config: { path_config_source: { path: cds }, resource_api_version: "V3" } },
    static_resources: {
      listeners: [httpListener("outbound", {
        port,
        manager: {
          route_config: {
            validate_clusters: false,
            name: "outbound",
            virtual_hosts: [{
              name: "all",
              domains: ["*"],
              routes: [{ match: { prefix: "/" }, route: { cluster: "backend", timeout: `${TIMEOUT_MS / 1000}s` } }],
            }],
          },
        },
      })],
    },
  };
}
