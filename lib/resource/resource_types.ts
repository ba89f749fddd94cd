import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { Listener } from "./listener.ts";
import type { NameTable } from "./name_table.ts";
import { parseCluster } from "./parse_cluster.ts";
import { parseEndpoint } from "./parse_endpoint.ts";
import { parseListener } from "./parse_listener.ts";
import { parseNameTable } from "./parse_name_table.ts";
import { parseRoute } from "./parse_route.ts";
import type { ResourceType } from "./resource_validator.ts";
import type { RouteConfiguration } from "./route.ts";

/** How each kind of resource is validated and expanded. */
export interface ResourceTypes {
  readonly cluster: ResourceType<Cluster>;
  readonly endpoint: ResourceType<ClusterLoadAssignment>;
  readonly listener: ResourceType<Listener>;
  readonly route: ResourceType<RouteConfiguration>;
  readonly nameTable: ResourceType<NameTable>;
}

/**
 * Puts them together.
 *
 * @param parsers What is known of filters.
 * @param clientNamespace The namespace of this workload, for short names in the NameTable.
 */
export function resourceTypes(parsers: FilterParsers, clientNamespace: string): ResourceTypes {
  return {
    cluster: {
      message: "envoy.config.cluster.v3.Cluster",
      parse: (bytes) => parseCluster(bytes, parsers),
      nameOf: (cluster) => cluster.name,
    },
    endpoint: {
      message: "envoy.config.endpoint.v3.ClusterLoadAssignment",
      parse: (bytes) => parseEndpoint(bytes, parsers),
      nameOf: (assignment) => assignment.clusterName,
    },
    listener: {
      message: "envoy.config.listener.v3.Listener",
      parse: (bytes) => parseListener(bytes, parsers),
      nameOf: (listener) => listener.name,
    },
    route: {
      message: "envoy.config.route.v3.RouteConfiguration",
      parse: (bytes) => parseRoute(bytes, parsers),
      nameOf: (route) => route.name,
    },
    nameTable: {
      message: "istio.networking.nds.v1.NameTable",
      parse: (bytes) => parseNameTable(bytes, clientNamespace),
      nameOf: () => null,
    },
  };
}
