/** A listener on a port of its own that leads to one cluster, pushed by hand: for what istiod's objects do not give. */
import type {
  EnvoyConfigClusterV3Cluster as Cluster,
  EnvoyConfigEndpointV3ClusterLoadAssignment as LoadAssignment,
  EnvoyConfigRouteV3RouteAction as RouteAction,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter as HttpFilter,
  GoogleProtobufAny,
} from "../../lib/protobuf/gen/messages.ts";
import { packAny } from "../../lib/protobuf/registry.ts";
import { type MeshRig, TYPE } from "./mesh_rig.ts";

/** What may differ. */
export interface PushedCluster {
  /** Port of the listener: `http://10.1.1.1:PORT/` goes there. */
  readonly port: number;
  readonly cluster: Cluster;
  /** Clusters it refers to. @default {none} */
  readonly more?: readonly Cluster[];
  /** More of the route action. @default {nothing} */
  readonly action?: RouteAction;
  /** Filters in front of the router. @default {none} */
  readonly filters?: HttpFilter[];
  /** Per-route configuration of filters, for paths under `/rewritten`. @default {none} */
  readonly perFilterConfig?: Record<string, GoogleProtobufAny>;
}

/** Endpoints by host and port. */
export function assignment(name: string, ...addresses: [string, number][]): LoadAssignment {
  const lbEndpoints = addresses.map(([address, portValue]) => ({
    endpoint: { address: { socketAddress: { address, portValue } } },
  }));
  return { clusterName: name, endpoints: [{ lbEndpoints }] };
}

/** Pushes them; the next request finds them once the control plane has settled. */
export async function pushClusters(rig: MeshRig, pushed: readonly PushedCluster[]): Promise<void> {
  const clusters = pushed.flatMap(({ cluster, more = [] }) => [cluster, ...more]);
  rig.istiod.push(TYPE.cluster, clusters.map((cluster) => ({ name: cluster.name!, value: cluster })));
  rig.istiod.push(TYPE.listener, pushed.map(listener));
  await rig.istiod.settled();
}

/** The listener of one, by name. */
export function listener({ port, cluster, action = {}, filters = [], perFilterConfig = {} }: PushedCluster) {
  const name = `0.0.0.0_${port}`;
  const route = { cluster: cluster.name!, timeout: { seconds: 0 }, ...action };
  const manager = packAny("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    statPrefix: name,
    routeConfig: {
      name,
      virtualHosts: [{
        name: "any",
        domains: ["*"],
        routes: [
          { match: { prefix: "/rewritten" }, route, typedPerFilterConfig: perFilterConfig },
          { match: { prefix: "/" }, route },
        ],
      }],
    },
    httpFilters: [...filters, {
      name: "envoy.filters.http.router",
      typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
    }],
  });
  return {
    name,
    value: {
      name,
      address: { socketAddress: { address: "0.0.0.0", portValue: port } },
      trafficDirection: "OUTBOUND",
      filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typedConfig: manager }] }],
    },
  };
}
