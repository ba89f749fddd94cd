import { DestinationRules, type RuleClient } from "./destination_rules.ts";
import type { DestinationRule, Subset } from "./kinds/destination_rule.ts";
import { selects } from "./kinds/kind.ts";
import type { MtlsMode } from "./kinds/peer_authentication.ts";
import type { ServicePort, TrafficDistribution } from "./kinds/service.ts";
import { type Named, named } from "./named.ts";
import type { ObjectStore } from "./object_store.ts";
import type { Locality, ProxyNode } from "./proxy_node.ts";
import { NOWHERE, type ServiceEndpoint, ServiceEndpoints } from "./service_endpoints.ts";
import { ServiceMemory } from "./service_memory.ts";
import { TrafficExtensions } from "./traffic_extensions.ts";
import { VirtualServices } from "./virtual_services.ts";

/** Settings of the mesh as a whole. */
export interface MeshSettings {
  /** SPIFFE trust domain. @default {"cluster.local"} */
  readonly trustDomain: string;
  /** DNS domain of services. @default {"cluster.local"} */
  readonly domain: string;
  /** Where mesh-wide policies lie. @default {"istio-system"} */
  readonly rootNamespace: string;
  /** What happens to hosts nobody knows. @default {"ALLOW_ANY"} */
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY";
  /** Name of the cluster, in endpoint metadata. @default {"Kubernetes"} */
  readonly clusterId: string;
}

/** A service as callers see it. */
export interface MeshService {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  /** `null` for a headless one. */
  readonly address: string | null;
  readonly ports: readonly ServicePort[];
  readonly selector: Readonly<Record<string, string>>;
  readonly nodeLocal: boolean;
  readonly trafficDistribution: TrafficDistribution | undefined;
}

/** A port on which a workload receives the requests of a service. */
export interface InboundPort {
  readonly service: MeshService;
  readonly port: ServicePort;
  /** The workload's port. */
  readonly targetPort: number;
  /** Every service that is served there, the one above first. */
  readonly services: readonly MeshService[];
}

/** The objects of the cluster related to each other, as istiod's push context does. Read-only; made per push. */
export class MeshView {
  readonly settings: MeshSettings;
  /** Sorted by name, as istiod sends clusters. */
  readonly services: readonly MeshService[];
  readonly #store: ObjectStore;
  readonly #memory: ServiceMemory;
  readonly #endpoints: ServiceEndpoints;
  readonly #byHostname: ReadonlyMap<string, MeshService>;
  #virtualServices: VirtualServices | undefined;
  #rules: DestinationRules | undefined;
  #extensions: TrafficExtensions | undefined;

  /**
   * @param store The objects; read, never changed.
   * @param memory Outlives the view.
   */
  constructor(store: ObjectStore, settings: MeshSettings, memory: ServiceMemory = new ServiceMemory()) {
    this.#store = store;
    this.#memory = memory;
    this.settings = settings;
    this.#endpoints = new ServiceEndpoints(store, settings.clusterId);
    this.services = store.all("Service").map(({ meta: { name, namespace }, value }) => {
      const hostname = `${name}.${namespace}.svc.${settings.domain}`;
      const { ports, selector, clusterIp, nodeLocal, trafficDistribution } = value;
      const address = clusterIp === undefined ? memory.address(hostname) : clusterIp;
      return { hostname, name, namespace, address, ports, selector, nodeLocal, trafficDistribution };
    }).sort((a, b) => a.hostname < b.hostname ? -1 : 1);
    this.#byHostname = new Map(this.services.map((service) => [service.hostname, service]));
  }

  /** The service of that fully qualified name. */
  service(hostname: string): MeshService | undefined {
    return this.#byHostname.get(hostname);
  }

  /** Where a port of a service is served: its EndpointSlices, or without any the pods its selector names. */
  endpoints(service: MeshService, port: ServicePort): ServiceEndpoint[] {
    return this.#endpoints.of(service, port);
  }

  /** SPIFFE ids of those who serve a service, on any port. */
  identities(service: MeshService): readonly string[] {
    const { trustDomain } = this.settings;
    const ids = service.ports.flatMap((port) => this.endpoints(service, port))
      .filter((endpoint) => endpoint.serviceAccount !== "")
      .map(({ namespace, serviceAccount }) => `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
    return this.#memory.identities(service.hostname, [...new Set(ids)].sort());
  }

  /** The ports on which a workload serves, one service a port: the first by name wins, as istiod lets one win. */
  inboundPorts(node: ProxyNode): InboundPort[] {
    const found = new Map<number, InboundPort & { services: MeshService[] }>();
    for (const service of this.services) {
      if (service.namespace !== node.namespace) continue;
      for (const port of service.ports) {
        const targetPort = this.#targetPortOn(node, service, port);
        if (targetPort === undefined) continue;
        const known = found.get(targetPort);
        if (known === undefined) found.set(targetPort, { service, port, targetPort, services: [service] });
        else if (!known.services.includes(service)) known.services.push(service);
      }
    }
    return [...found.values()].sort((a, b) => a.targetPort - b.targetPort);
  }

  /** Labels of a workload, the registry's where it knows the pod, else the proxy's; with those of its place. */
  labelsOf(node: ProxyNode): Readonly<Record<string, string>> {
    const labels = this.#store.get("Pod", node.namespace, node.name)?.value.labels ?? node.labels;
    return this.#endpoints.placed(labels, this.localityOf(node), this.nodeNameOf(node));
  }

  /** Where a workload runs: by the registry, else as the proxy says. */
  localityOf(node: ProxyNode): Locality {
    const pod = this.#store.get("Pod", node.namespace, node.name);
    return (pod && this.#store.get("Node", "", pod.value.node)?.value) ?? node.locality ?? NOWHERE;
  }

  /** Name of the Node a workload runs on; istiod takes it from the proxy alone. Empty where it does not say. */
  nodeNameOf({ metadata }: ProxyNode): string {
    return typeof metadata.NODE_NAME === "string" ? metadata.NODE_NAME : "";
  }

  /** How a workload takes mutual TLS on one of its ports; workload policy before namespace before mesh. */
  mtlsMode(namespace: string, labels: Readonly<Record<string, string>>, port?: number): MtlsMode {
    const wider = this.namespaceMtlsMode(namespace) ?? "PERMISSIVE";
    const policy = this.#workloadPolicy(namespace, labels);
    if (policy === undefined) return wider;
    return (port === undefined ? undefined : policy.ports.get(port)) ?? policy.mode ?? wider;
  }

  /** Ports of a workload that have a mutual TLS mode of their own. */
  mtlsPorts(namespace: string, labels: Readonly<Record<string, string>>): number[] {
    return [...this.#workloadPolicy(namespace, labels)?.ports.keys() ?? []];
  }

  /** The mode of a namespace as its policy or the mesh's sets it; `undefined` where neither does. */
  namespaceMtlsMode(namespace: string): MtlsMode | undefined {
    for (const scope of [namespace, this.settings.rootNamespace]) {
      const policy = this.#store.all("PeerAuthentication").find(({ meta, value }) =>
        meta.namespace === scope && Object.keys(value.selector).length === 0
      );
      if (policy?.value.mode !== undefined) return policy.value.mode;
    }
    return undefined;
  }

  /** The DestinationRule that a workload goes by towards a host; none for a host that is no service. */
  destinationRule(hostname: string, node: ProxyNode): Named<DestinationRule> | undefined {
    return this.#rule(hostname, { namespace: node.namespace, labels: this.labelsOf(node) });
  }

  /** The DestinationRule whose limits hold on the inbound side of a workload. */
  inboundRule(hostname: string, node: ProxyNode): Named<DestinationRule> | undefined {
    return this.#rule(hostname, { namespace: node.namespace, labels: undefined });
  }

  /** A subset of a host, `undefined` where no rule defines it. */
  subset(rule: Named<DestinationRule> | undefined, name: string): Subset | undefined {
    return rule?.value.subsets.find((subset) => subset.name === name);
  }

  /** The VirtualServices by who sees them. */
  get virtualServices(): VirtualServices {
    return this.#virtualServices ??= new VirtualServices(
      this.#store.all("VirtualService").map(named),
      this.settings.domain,
    );
  }

  /** What extends the filters of workloads. */
  get extensions(): TrafficExtensions {
    return this.#extensions ??= new TrafficExtensions(this.#store, this.settings.rootNamespace);
  }

  /** What a registry asks for, from a Secret; `undefined` where there is none. */
  pullSecret(namespace: string, name: string): string | undefined {
    return this.#store.get("Secret", namespace, name)?.value.dockerConfig ?? undefined;
  }

  #rule(hostname: string, client: RuleClient): Named<DestinationRule> | undefined {
    const service = this.service(hostname);
    if (service === undefined) return undefined;
    this.#rules ??= new DestinationRules(
      this.#store.all("DestinationRule").map(named),
      this.settings.domain,
      this.settings.rootNamespace,
    );
    return this.#rules.find(hostname, service.namespace, client);
  }

  #workloadPolicy(namespace: string, labels: Readonly<Record<string, string>>) {
    return this.#store.all("PeerAuthentication").find(({ meta, value }) =>
      meta.namespace === namespace && Object.keys(value.selector).length > 0 && selects(value.selector, labels)
    )?.value;
  }

  #targetPortOn(node: ProxyNode, service: MeshService, port: ServicePort): number | undefined {
    const pod = this.#store.get("Pod", node.namespace, node.name);
    const own = this.endpoints(service, port).find((endpoint) =>
      endpoint.pod === null ? node.ips.includes(endpoint.address) : endpoint.pod === `${node.namespace}/${node.name}`
    );
    const selector = service.selector;
    const selected = Object.keys(selector).length > 0 && selects(selector, this.labelsOf(node));
    if (own === undefined && !selected) return undefined;
    if (typeof port.targetPort === "number") return port.targetPort;
    return pod?.value.ports[port.targetPort] ?? own?.port;
  }
}
