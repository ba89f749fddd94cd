import { decode } from "../../../lib/protobuf/registry.ts";
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigListenerV3Listener as Listener,
  EnvoyConfigRouteV3Route as Route,
  EnvoyConfigRouteV3RouteConfiguration as RouteConfiguration,
} from "../../../lib/protobuf/gen/messages.ts";
import { generate, TYPE } from "../../../lib/testing/generate/generator.ts";
import { MeshView } from "../../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import type { ProxyNode } from "../../../lib/testing/proxy_node.ts";
import { DEFAULT_SETTINGS } from "../default_settings.ts";

/** A client in `default`, labelled `app: sleep`. */
export const SLEEP: ProxyNode = {
  id: "sidecar~10.0.0.1~sleep.default~default.svc.cluster.local",
  ips: ["10.0.0.1"],
  name: "sleep",
  namespace: "default",
  serviceAccount: "sleep",
  labels: { app: "sleep" },
  clusterId: "Kubernetes",
  meshId: "cluster.local",
  locality: undefined,
  metadata: {},
};

/** A Service of ports, as `NAME:NUMBER`. */
export function service(name: string, ports: readonly string[], namespace = "default"): string {
  const list = ports.map((port) => {
    const [name, number] = port.split(":");
    return { name, port: Number(number) };
  });
  const spec = { clusterIP: `10.96.0.${name.length}`, selector: { app: name }, ports: list };
  return JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec });
}

/** An object of Istio's networking group. */
export function networking(kind: string, spec: string, name = "x", namespace = "default"): string {
  return `{apiVersion: networking.istio.io/v1, kind: ${kind}, metadata: {name: ${name}, namespace: ${namespace}}, spec: ${spec}}`;
}

/** What FakeIstiod makes of objects, decoded. */
export class Generated {
  readonly view: MeshView;
  readonly #node: ProxyNode;

  /** @param documents Applied one by one: the first is the oldest. */
  constructor(documents: readonly string[], node: ProxyNode = SLEEP) {
    const store = new ObjectStore();
    for (const document of documents) store.apply(document);
    this.view = new MeshView(store, DEFAULT_SETTINGS);
    this.#node = node;
  }

  cluster(name: string): Cluster {
    return decode("envoy.config.cluster.v3.Cluster", this.#bytes(TYPE.cluster, [], name));
  }

  listener(name: string): Listener {
    return decode("envoy.config.listener.v3.Listener", this.#bytes(TYPE.listener, [], name));
  }

  routeConfiguration(name: string): RouteConfiguration {
    return decode("envoy.config.route.v3.RouteConfiguration", this.#bytes(TYPE.route, [name], name));
  }

  /** The routes of a host on a port. */
  routes(host: string, port: number): Route[] {
    const { virtualHosts = [] } = this.routeConfiguration(String(port));
    return virtualHosts.find(({ name }) => name === `${host}:${port}`)?.routes ?? [];
  }

  #bytes(type: string, names: readonly string[], name: string): Uint8Array {
    const found = generate({ view: this.view, node: this.#node }, type, names)!.find((item) => item.name === name);
    if (found === undefined) throw new Error(`Nothing called '${name}' was generated`);
    return found.value;
  }
}
