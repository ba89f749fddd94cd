import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Extension } from "./extension.ts";
import { expandRoute } from "./expand_route.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { Listener } from "./listener.ts";
import type { NameTable } from "./name_table.ts";
import { parseCluster } from "./parse_cluster.ts";
import { parseEndpoint } from "./parse_endpoint.ts";
import { parseExtension } from "./parse_extension.ts";
import { parseListener } from "./parse_listener.ts";
import { parseNameTable } from "./parse_name_table.ts";
import { parseRoute } from "./parse_route.ts";
import type { ResourceType } from "./resource_validator.ts";
import type { RouteConfiguration } from "./route.ts";
import type { ResourceKind } from "./snapshot.ts";

/** How each kind of resource is validated and expanded. */
export interface ResourceTypes {
  readonly cluster: ResourceType<Cluster>;
  readonly endpoint: ResourceType<ClusterLoadAssignment>;
  readonly listener: ResourceType<Listener>;
  readonly route: ResourceType<RouteConfiguration>;
  readonly extension: ResourceType<Extension>;
  readonly nameTable: ResourceType<NameTable>;
}

/**
 * Puts them together.
 *
 * @param parsers What is known of filters.
 * @param clientNamespace The namespace of this workload, for short names in the NameTable.
 * @param onInvalid Told where a resource that was only checked for form turns out to be invalid at its first use.
 * @param dnsDomain The domain of the cluster, for short names, too. @default {"cluster.local"}
 */
export function resourceTypes(
  parsers: FilterParsers,
  clientNamespace: string,
  onInvalid: (kind: ResourceKind, name: string, errors: readonly string[]) => void,
  dnsDomain?: string,
): ResourceTypes {
  return {
    cluster: {
      expand: null,
      onInvalid: (name, errors) => onInvalid("cluster", name, errors),
      message: "envoy.config.cluster.v3.Cluster",
      parse: (bytes) => parseCluster(bytes, parsers),
      nameOf: (cluster) => cluster.name,
    },
    endpoint: {
      expand: null,
      onInvalid: (name, errors) => onInvalid("endpoint", name, errors),
      message: "envoy.config.endpoint.v3.ClusterLoadAssignment",
      parse: (bytes) => parseEndpoint(bytes, parsers),
      nameOf: (assignment) => assignment.clusterName,
    },
    listener: {
      expand: null,
      onInvalid: (name, errors) => onInvalid("listener", name, errors),
      message: "envoy.config.listener.v3.Listener",
      parse: (bytes) => parseListener(bytes, parsers),
      nameOf: (listener) => listener.name,
    },
    route: {
      onInvalid: (name, errors) => onInvalid("route", name, errors),
      expand: (name, bytes, former) =>
        expandRoute(
          bytes,
          parsers,
          former,
          (host, errors) => onInvalid("route", name, [`Cannot use virtual host '${host}': ${errors.join("; ")}`]),
        ),
      message: "envoy.config.route.v3.RouteConfiguration",
      parse: (bytes) => parseRoute(bytes, parsers),
      nameOf: (route) => route.name,
    },
    extension: {
      expand: null,
      onInvalid: (name, errors) => onInvalid("extension", name, errors),
      message: "envoy.config.core.v3.TypedExtensionConfig",
      parse: (bytes) => parseExtension(bytes, parsers),
      nameOf: (extension) => extension.name,
    },
    nameTable: {
      expand: null,
      onInvalid: (name, errors) => onInvalid("nameTable", name, errors),
      message: "istio.networking.nds.v1.NameTable",
      parse: (bytes) => parseNameTable(bytes, clientNamespace, dnsDomain),
      nameOf: () => null,
    },
  };
}
