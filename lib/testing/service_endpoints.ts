import type { EndpointSlice } from "./kinds/endpoint_slice.ts";
import { selects } from "./kinds/kind.ts";
import type { Pod } from "./kinds/pod.ts";
import type { ServicePort } from "./kinds/service.ts";
import type { MeshService } from "./mesh_view.ts";
import type { ObjectStore, StoredObject } from "./object_store.ts";
import type { Locality } from "./proxy_node.ts";

/** One place where a port of a service is served. */
export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
  /** `undefined` where nobody looks after it. */
  readonly healthy: boolean | undefined;
  /** The pod's, with those that say where it runs. */
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** Empty where no pod is known. */
  readonly serviceAccount: string;
  readonly workload: string;
  /** Whether it has a proxy that takes the mesh's mutual TLS. */
  readonly mutualTls: boolean;
  readonly weight: number;
  readonly locality: Locality;
  /** Name of the Node it runs on, empty where none is known. */
  readonly node: string;
  /** `NAMESPACE/NAME` of the pod, `null` where none is known. */
  readonly pod: string | null;
  /** Whether the registry knows what runs there. */
  readonly known: boolean;
}

const TLS_MODE = "security.istio.io/tlsMode";

/** Where nothing is known about a place. */
export const NOWHERE: Locality = { region: "", zone: "", subZone: "" };

/** Finds the endpoints of services among EndpointSlices, Pods and Nodes. Made per push. */
export class ServiceEndpoints {
  readonly #store: ObjectStore;
  readonly #clusterId: string;

  /** @param clusterId Name of the cluster, a label of every endpoint. */
  constructor(store: ObjectStore, clusterId: string) {
    this.#store = store;
    this.#clusterId = clusterId;
  }

  /**
   * Where a port of a service is served: its EndpointSlices, or without any the pods its selector names; and the
   * WorkloadEntries that it names.
   */
  of(service: MeshService, port: ServicePort): ServiceEndpoint[] {
    const slices = this.#store.all("EndpointSlice").filter(({ meta, value }) =>
      meta.namespace === service.namespace && value.service === service.name
    );
    const own = slices.length > 0 ? this.#sliceEndpoints(service, port, slices) : this.#podEndpoints(service, port);
    return [...own, ...this.#entryEndpoints(service, port)];
  }

  /** Labels with those that istiod adds: where a workload runs. */
  placed(labels: Readonly<Record<string, string>>, locality: Locality, node: string): Record<string, string> {
    const { region, zone, subZone } = locality;
    return {
      ...labels,
      ...(region === "" ? {} : { "topology.kubernetes.io/region": region }),
      ...(zone === "" ? {} : { "topology.kubernetes.io/zone": zone }),
      ...(subZone === "" ? {} : { "topology.istio.io/subzone": subZone }),
      ...(this.#clusterId === "" ? {} : { "topology.istio.io/cluster": this.#clusterId }),
      ...(node === "" ? {} : { "kubernetes.io/hostname": node }),
    };
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
    const node = pod?.value.node ?? "";
    const locality = this.#store.get("Node", "", node)?.value ?? NOWHERE;
    const labels = pod?.value.labels ?? {};
    return {
      address,
      port,
      healthy,
      labels: this.placed(labels, locality, node),
      mutualTls: labels[TLS_MODE] === "istio",
      weight: 1,
      namespace: service.namespace,
      serviceAccount: pod?.value.serviceAccount ?? "",
      workload: pod?.value.workload ?? "",
      locality,
      node,
      pod: pod === undefined ? null : `${pod.meta.namespace}/${pod.meta.name}`,
      known: pod !== undefined,
    };
  }

  /** Workloads that are no pods; connections to pods of a headless service know only pods. */
  #entryEndpoints(service: MeshService, port: ServicePort): ServiceEndpoint[] {
    if (service.address === null || Object.keys(service.selector).length === 0) return [];
    const found: ServiceEndpoint[] = [];
    for (const { meta, value } of this.#store.all("WorkloadEntry")) {
      const { address, ports, labels, serviceAccount, locality, weight } = value;
      if (meta.namespace !== service.namespace || !selects(service.selector, labels)) continue;
      const { targetPort } = port;
      const target = typeof targetPort === "number" ? ports[port.name] ?? targetPort : ports[targetPort];
      if (target === undefined) continue;
      found.push({
        address,
        port: target,
        healthy: undefined,
        labels: this.placed(labels, locality, ""),
        mutualTls: labels[TLS_MODE] === undefined ? serviceAccount !== "" : labels[TLS_MODE] === "istio",
        weight,
        namespace: meta.namespace,
        serviceAccount,
        workload: meta.name,
        locality,
        node: "",
        pod: null,
        known: true,
      });
    }
    return found;
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
