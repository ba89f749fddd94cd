import { typeUrl } from "../../protobuf/registry.ts";
import { clusters } from "./clusters.ts";
import type { GenerateContext, GeneratedResource } from "./context.ts";
import { clusterLoadAssignment } from "./endpoints.ts";
import { extensionConfig } from "./extensions.ts";
import { inboundListener } from "./inbound_listener.ts";
import { nameTable } from "./name_table.ts";
import { outboundListeners } from "./outbound_listeners.ts";
import { routeConfiguration } from "./routes.ts";

/** Type URLs that the fake generates from objects. */
export const TYPE = {
  cluster: typeUrl("envoy.config.cluster.v3.Cluster"),
  endpoint: typeUrl("envoy.config.endpoint.v3.ClusterLoadAssignment"),
  listener: typeUrl("envoy.config.listener.v3.Listener"),
  route: typeUrl("envoy.config.route.v3.RouteConfiguration"),
  extension: typeUrl("envoy.config.core.v3.TypedExtensionConfig"),
  nameTable: typeUrl("istio.networking.nds.v1.NameTable"),
} as const;

/**
 * What istiod would send a node of one type.
 *
 * @param names The names subscribed to, for types that are subscribed to by name.
 * @returns `undefined` for a type that is not generated from objects.
 */
export function generate(
  context: GenerateContext,
  type: string,
  names: Iterable<string>,
): GeneratedResource[] | undefined {
  switch (type) {
    case TYPE.cluster:
      return clusters(context);
    case TYPE.endpoint:
      return [...names].map((name) => clusterLoadAssignment(context, name));
    case TYPE.listener:
      return [...outboundListeners(context), inboundListener(context)];
    case TYPE.route:
      return [...names].map((name) => routeConfiguration(context, name));
    case TYPE.extension:
      return [...names].map((name) => extensionConfig(context, name)).filter((item) => item !== undefined);
    case TYPE.nameTable:
      return [nameTable(context)];
    default:
      return undefined;
  }
}
