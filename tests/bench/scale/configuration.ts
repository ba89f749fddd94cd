/**
 * The configuration of a mesh of any size, in the shapes of a recorded istiod: each service one cluster, ten endpoints
 * in two zones, one virtual host, one name.
 */
import { decode, encode, typeUrl } from "../../../lib/protobuf/registry.ts";
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigEndpointV3ClusterLoadAssignment as LoadAssignment,
  EnvoyConfigRouteV3VirtualHost as VirtualHost,
} from "../../../lib/protobuf/gen/messages.ts";
import { readRecording } from "../../vector/recording.ts";

/** Type URLs of what is served. */
export const TYPE = {
  cluster: typeUrl("envoy.config.cluster.v3.Cluster"),
  endpoint: typeUrl("envoy.config.endpoint.v3.ClusterLoadAssignment"),
  listener: typeUrl("envoy.config.listener.v3.Listener"),
  route: typeUrl("envoy.config.route.v3.RouteConfiguration"),
  nameTable: typeUrl("istio.networking.nds.v1.NameTable"),
} as const;

/** Resources by name. */
export type Resources = Map<string, Uint8Array>;

const ENDPOINTS = 10;
const SERVICES_A_NAMESPACE = 100;
const PORT = 80;
const ROUTER = {
  name: "envoy.filters.http.router",
  typedConfig: {
    typeUrl: typeUrl("envoy.extensions.filters.http.router.v3.Router"),
    value: encode("envoy.extensions.filters.http.router.v3.Router", {}),
  },
};

/** Host of a service. */
export function hostOf(service: number): string {
  return `svc-${service}.ns-${Math.floor(service / SERVICES_A_NAMESPACE)}.svc.cluster.local`;
}

/** Name of a service's cluster. */
export function clusterOf(service: number): string {
  return `outbound|${PORT}||${hostOf(service)}`;
}

function vipOf(service: number): string {
  return `10.96.${service >> 8}.${service & 255}`;
}

/** See the module. */
export class ScaleConfiguration {
  readonly services: number;
  /** Port of 127.0.0.1 where the endpoints of used services answer in plaintext. */
  readonly #application: number;
  readonly #used: number;
  readonly #clusterTemplate: Cluster;
  readonly #hostTemplate: VirtualHost;
  #hosts: VirtualHost[];

  /**
   * @param services How many.
   * @param used How many of them, the first ones, are really there.
   * @param application The port of 127.0.0.1 that answers for those.
   */
  constructor(services: number, used: number, application: number) {
    this.services = services;
    this.#used = used;
    this.#application = application;
    const { updates } = readRecording("basic/sleep");
    const resource = (kind: string, name: string) =>
      updates.find((update) => update.kind === kind)!.update.changed.get(name)!;
    this.#clusterTemplate = decode(
      "envoy.config.cluster.v3.Cluster",
      resource("cluster", "outbound|80||cart.shop.svc.cluster.local"),
    );
    this.#hostTemplate = decode("envoy.config.route.v3.RouteConfiguration", resource("route", "80")).virtualHosts!
      .find(({ name }) => name === "cart.shop.svc.cluster.local:80")!;
    this.#hosts = Array.from({ length: services }, (_, service) => this.#host(service));
  }

  /** Clusters as istiod sends them to a sidecar of Istio, or without its own network filter, for a plain Envoy. */
  clusters(istio: boolean): Resources {
    const template = { ...this.#clusterTemplate };
    if (!istio) delete template.filters;
    const bytes = encode("envoy.config.cluster.v3.Cluster", template);
    const host = "cart.shop.svc.cluster.local";
    const resources: Resources = new Map();
    for (let service = 0; service < this.services; service++) {
      const cluster = decode("envoy.config.cluster.v3.Cluster", bytes);
      const name = clusterOf(service);
      cluster.name = name;
      cluster.altStatName = `${name};`;
      cluster.edsClusterConfig!.serviceName = name;
      const socket = cluster.transportSocketMatches![0]!.transportSocket!;
      const tls = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
      const context = decode(tls, socket.typedConfig!.value!);
      context.sni = context.sni!.replace(host, hostOf(service));
      socket.typedConfig!.value = encode(tls, context);
      resources.set(name, encode("envoy.config.cluster.v3.Cluster", cluster));
    }
    return resources;
  }

  /** Every load assignment. */
  endpoints(): Resources {
    const resources: Resources = new Map();
    for (let service = 0; service < this.services; service++) {
      resources.set(clusterOf(service), this.endpointsOf(service, 0));
    }
    return resources;
  }

  /** The endpoints of a service; one is there in every other generation only. */
  endpointsOf(service: number, generation: number): Uint8Array {
    const used = service < this.#used;
    const endpoint = (index: number) => ({
      endpoint: {
        address: {
          socketAddress: used
            ? { address: `127.0.0.${index + 1}`, portValue: this.#application }
            : { address: `10.${128 + (service >> 8)}.${service & 255}.${index}`, portValue: 8080 },
        },
      },
      healthStatus: "HEALTHY",
      loadBalancingWeight: { value: 1 },
      metadata: {
        filterMetadata: {
          ...(used ? {} : { "envoy.transport_socket_match": struct({ tlsMode: "istio" }) }),
          istio: struct({ workload: `svc-${service}-v1;ns-${service};svc-${service};v1;Kubernetes` }),
        },
      },
    });
    const zone = (name: string, first: number, count: number) => ({
      locality: { region: "west", zone: name },
      loadBalancingWeight: { value: count },
      lbEndpoints: Array.from({ length: count }, (_, index) => endpoint(first + index)),
    });
    const half = ENDPOINTS / 2;
    const assignment = {
      clusterName: clusterOf(service),
      endpoints: [zone("west-1", 0, half), zone("west-2", half, half - generation % 2)],
    } as LoadAssignment;
    return encode("envoy.config.endpoint.v3.ClusterLoadAssignment", assignment);
  }

  /** The one HTTP listener. `istio` has the filters of the recording, a plain Envoy gets the router alone. */
  listeners(istio: boolean): Resources {
    const { updates } = readRecording("basic/sleep");
    const name = `0.0.0.0_${PORT}`;
    const bytes = updates.find(({ kind }) => kind === "listener")!.update.changed.get(name)!;
    if (istio) return new Map([[name, bytes]]);
    const listener = decode("envoy.config.listener.v3.Listener", bytes);
    const manager = {
      statPrefix: name,
      rds: { routeConfigName: String(PORT), configSource: { ads: {}, resourceApiVersion: "V3" } },
      httpFilters: [ROUTER],
    };
    const message = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    const typedConfig = { typeUrl: typeUrl(message), value: encode(message, manager) };
    const plain = {
      name,
      address: listener.address!,
      bindToPort: { value: false },
      filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typedConfig }] }],
    };
    return new Map([[name, encode("envoy.config.listener.v3.Listener", plain)]]);
  }

  /** The one route configuration. */
  routes(): Resources {
    const configuration = { name: String(PORT), virtualHosts: this.#hosts, validateClusters: { value: false } };
    return new Map([[configuration.name, encode("envoy.config.route.v3.RouteConfiguration", configuration)]]);
  }

  /** Adds one virtual host to the route configuration. */
  addHost(index: number): void {
    const host = this.#host(index % this.services);
    const domains = host.domains!.map((domain) => `added-${index}.${domain}`);
    this.#hosts = [...this.#hosts, { ...host, name: `added-${index}`, domains }];
  }

  /** Names and addresses. */
  nameTable(): Resources {
    const table = Object.fromEntries(
      Array.from({ length: this.services }, (_, service) => [hostOf(service), {
        ips: [vipOf(service)],
        registry: "Kubernetes",
        shortname: `svc-${service}`,
        namespace: `ns-${Math.floor(service / SERVICES_A_NAMESPACE)}`,
      }]),
    );
    return new Map([["", encode("istio.networking.nds.v1.NameTable", { table })]]);
  }

  #host(service: number): VirtualHost {
    const replace = (text: string) =>
      text.replace("cart.shop.svc.cluster.local", hostOf(service)).replace("10.96.1.1", vipOf(service))
        .replace("cart.shop", hostOf(service).replace(".svc.cluster.local", ""));
    const [route] = this.#hostTemplate.routes!;
    return {
      ...this.#hostTemplate,
      name: replace(this.#hostTemplate.name!),
      domains: this.#hostTemplate.domains!.map(replace),
      routes: [{
        ...route!,
        route: { ...route!.route!, cluster: clusterOf(service) },
        decorator: { operation: `${hostOf(service)}:${PORT}/*` },
      }],
    };
  }
}

function struct(values: Record<string, string>) {
  return {
    fields: Object.fromEntries(Object.entries(values).map(([name, stringValue]) => [name, { stringValue }])),
  };
}
