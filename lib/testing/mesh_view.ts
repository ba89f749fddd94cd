import type { DestinationRule, Subset } from "./kinds/destination_rule.ts";
import { qualify, selects } from "./kinds/kind.ts";
import type { MtlsMode } from "./kinds/peer_authentication.ts";
import type { EndpointSlice } from "./kinds/endpoint_slice.ts";
import type { Pod } from "./kinds/pod.ts";
import type { ServicePort } from "./kinds/service.ts";
import type { VirtualService } from "./kinds/virtual_service.ts";
import type { ObjectStore, StoredObject } from "./object_store.ts";
import type { Locality, ProxyNode } from "./proxy_node.ts";
import { ServiceMemory } from "./service_memory.ts";

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
}

/** One place where a port of a service is served. */
export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
  readonly healthy: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** Empty where no pod is known. */
  readonly serviceAccount: string;
  readonly workload: string;
  readonly locality: Locality;
  /** `NAMESPACE/NAME` of the pod, `null` where none is known. */
  readonly pod: string | null;
}

/** A port on which a workload receives the requests of a service. */
export interface InboundPort {
  readonly service: MeshService;
  readonly port: ServicePort;
  /** The workload's port. */
  readonly targetPort: number;
}

/** An object of a namespace. */
export interface Named<T> {
  readonly name: string;
  readonly namespace: string;
  readonly value: T;
}

/** The objects of the cluster related to each other, as istiod's push context does. Read-only; made per push. */
export class MeshView {
  readonly settings: MeshSettings;
  /** Sorted by name, as istiod sends clusters. */
  readonly services: readonly MeshService[];
  readonly #store: ObjectStore;
  readonly #memory: ServiceMemory;

  /**
   * @param store The objects; read, never changed.
   * @param memory Outlives the view.
   */
  constructor(store: ObjectStore, settings: MeshSettings, memory: ServiceMemory = new ServiceMemory()) {
    this.#store = store;
    this.#memory = memory;
    this.settings = settings;
    this.services = store.all("Service").map(({ meta: { name, namespace }, value }) => {
      const hostname = `${name}.${namespace}.svc.${settings.domain}`;
      const { ports, selector, clusterIp } = value;
      const address = clusterIp === undefined ? memory.address(hostname) : clusterIp;
      return { hostname, name, namespace, address, ports, selector };
    }).sort((a, b) => a.hostname < b.hostname ? -1 : 1);
  }

  /** The service of that fully qualified name. */
  service(hostname: string): MeshService | undefined {
    return this.services.find((service) => service.hostname === hostname);
  }

  /** Where a port of a service is served: its EndpointSlices, or without any the pods its selector names. */
  endpoints(service: MeshService, port: ServicePort): ServiceEndpoint[] {
    const slices = this.#store.all("EndpointSlice").filter(({ meta, value }) =>
      meta.namespace === service.namespace && value.service === service.name
    );
    return slices.length > 0 ? this.#sliceEndpoints(service, port, slices) : this.#podEndpoints(service, port);
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
    const found = new Map<number, InboundPort>();
    for (const service of this.services) {
      if (service.namespace !== node.namespace) continue;
      for (const port of service.ports) {
        const targetPort = this.#targetPortOn(node, service, port);
        if (targetPort !== undefined && !found.has(targetPort)) found.set(targetPort, { service, port, targetPort });
      }
    }
    return [...found.values()].sort((a, b) => a.targetPort - b.targetPort);
  }

  /** Labels of a workload: the registry's where it knows the pod, else what the proxy says. */
  labelsOf(node: ProxyNode): Readonly<Record<string, string>> {
    return this.#store.get("Pod", node.namespace, node.name)?.value.labels ?? node.labels;
  }

  /** Where a workload runs: by the registry, else as the proxy says. */
  localityOf(node: ProxyNode): Locality | undefined {
    const pod = this.#store.get("Pod", node.namespace, node.name);
    return (pod && this.#store.get("Node", "", pod.value.node)?.value) ?? node.locality;
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

  /** The DestinationRule for a host: one of the host's own namespace before one of the mesh's root namespace. */
  destinationRule(hostname: string, clientNamespace: string): Named<DestinationRule> | undefined {
    const serviceNamespace = this.service(hostname)?.namespace;
    const rules = this.#store.all("DestinationRule").filter(({ meta, value }) =>
      qualify(value.host, meta.namespace, this.settings.domain) === hostname
    );
    // istiod looks in the client's namespace first, then the service's, then the root namespace.
    for (const namespace of [clientNamespace, serviceNamespace, this.settings.rootNamespace]) {
      const rule = rules.find(({ meta }) => meta.namespace === namespace);
      if (rule !== undefined) return named(rule);
    }
    return undefined;
  }

  /** A subset of a host, `undefined` where no rule defines it. */
  subset(rule: Named<DestinationRule> | undefined, name: string): Subset | undefined {
    return rule?.value.subsets.find((subset) => subset.name === name);
  }

  /** Every VirtualService with its hosts qualified. */
  virtualServices(): Named<VirtualService>[] {
    return this.#store.all("VirtualService").map(({ meta, value }) => ({
      name: meta.name,
      namespace: meta.namespace,
      value: { ...value, hosts: value.hosts.map((host) => qualify(host, meta.namespace, this.settings.domain)) },
    }));
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

  #sliceEndpoints(
    service: MeshService,
    port: ServicePort,
    slices: readonly StoredObject<EndpointSlice>[],
  ): ServiceEndpoint[] {
    const found: ServiceEndpoint[] = [];
    for (const { value: slice } of slices) {
      const target = slice.ports.find((item) => item.name === port.name) ??
        (slice.ports.length === 1 && slice.ports[0]!.name === "" ? slice.ports[0] : undefined);
      if (target === undefined) continue;
      for (const endpoint of slice.endpoints) {
        if (endpoint.terminating) continue;
        for (const address of endpoint.addresses) {
          const pod = endpoint.pod === null ? this.#podAt(service.namespace, address) : this.#podNamed(endpoint.pod);
          found.push(this.#endpoint(service, address, target.port, endpoint.ready, pod));
        }
      }
    }
    return found;
  }

  #podEndpoints(service: MeshService, port: ServicePort): ServiceEndpoint[] {
    if (Object.keys(service.selector).length === 0) return [];
    const found: ServiceEndpoint[] = [];
    for (const pod of this.#store.all("Pod")) {
      const { ip, labels, ports, ready } = pod.value;
      if (pod.meta.namespace !== service.namespace || ip === null || !selects(service.selector, labels)) continue;
      const target = typeof port.targetPort === "number" ? port.targetPort : ports[port.targetPort];
      if (target !== undefined) found.push(this.#endpoint(service, ip, target, ready, pod));
    }
    return found;
  }

  #endpoint(
    service: MeshService,
    address: string,
    port: number,
    healthy: boolean,
    pod: StoredObject<Pod> | undefined,
  ): ServiceEndpoint {
    const node = pod === undefined ? undefined : this.#store.get("Node", "", pod.value.node);
    return {
      address,
      port,
      healthy,
      labels: pod?.value.labels ?? {},
      namespace: service.namespace,
      serviceAccount: pod?.value.serviceAccount ?? "",
      workload: pod?.value.workload ?? "",
      locality: node?.value ?? { region: "", zone: "", subZone: "" },
      pod: pod === undefined ? null : `${pod.meta.namespace}/${pod.meta.name}`,
    };
  }

  #podNamed(reference: string): StoredObject<Pod> | undefined {
    const [namespace, name] = reference.split("/") as [string, string];
    return this.#store.get("Pod", namespace, name);
  }

  /** The one pod at an address; several on one loopback address stay ambiguous, and a slice must name its pod. */
  #podAt(namespace: string, address: string): StoredObject<Pod> | undefined {
    const pods = this.#store.all("Pod").filter(({ meta, value }) =>
      meta.namespace === namespace && value.ip === address
    );
    return pods.length === 1 ? pods[0] : undefined;
  }
}

function named<T>(object: StoredObject<T>): Named<T> {
  return { name: object.meta.name, namespace: object.meta.namespace, value: object.value };
}
