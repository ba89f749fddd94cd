import type { Call } from "../../http/call.ts";
import { encode } from "../../protobuf/registry.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import type { LocalNode } from "../../telemetry/local_node.ts";
import type { PropertyValue } from "../property_value.ts";
import { jsonProperty, metadataProperty, utf8 } from "./json_property.ts";

/** `core.v3.TrafficDirection`. */
const DIRECTION = { inbound: 1, outbound: 2 } as const;

/** Our own node (`node.*`): its parts, or the `core.v3.Node` as a whole. */
export function nodeProperty(node: LocalNode, rest: readonly string[]): PropertyValue | undefined {
  switch (rest[0]) {
    case undefined:
      return encode("envoy.config.core.v3.Node", {
        id: node.id,
        cluster: node.cluster ?? "",
        metadata: jsonToStruct(node.metadata),
      });
    case "id":
      return utf8(node.id);
    case "cluster":
      return utf8(node.cluster ?? "");
    case "metadata":
      return jsonProperty(node.metadata);
  }
  return undefined;
}

/**
 * An attribute of the configuration that serves a call (`xds.*`, and without that prefix as in older modules). What is
 * answered belongs to `key`; the `rest` of the path is for the caller to follow.
 *
 * @param call The call.
 * @param key Its name.
 * @param rest What follows it in the path: messages are written as a whole where nothing does.
 */
export function xdsProperty(call: Call, key: string, rest: readonly string[]): PropertyValue | undefined {
  const { chosen, cluster, endpoint } = call;
  switch (key) {
    case "cluster_name": {
      const name = call.clusterName;
      return name === null ? undefined : utf8(name);
    }
    case "cluster_metadata":
      return cluster === null ? undefined : metadataProperty(cluster.metadata, rest);
    case "route_name":
      return chosen === null ? undefined : utf8(chosen.route.name ?? "");
    case "route_metadata":
      return chosen === null ? undefined : metadataProperty(chosen.route.metadata, rest);
    case "virtual_host_name":
      return chosen === null ? undefined : utf8(chosen.virtualHost.name);
    case "upstream_host_metadata":
      return endpoint === null ? undefined : metadataProperty(endpoint.metadata, rest);
    case "listener_direction":
      return DIRECTION[call.direction];
  }
  return undefined;
}
