import { encode, typeUrl } from "../../protobuf/registry.ts";
import { jsonToStruct } from "../../protobuf/well_known.ts";
import type { GeneratedResource } from "../generate/context.ts";
import { TYPE } from "../generate/generator.ts";
import type { ProxyNode } from "../proxy_node.ts";
import type { DiscoveryConnection } from "./connection.ts";
import type { Watch } from "./watch.ts";

/** Type under which `istioctl proxy-status` asks who is in step. */
export const SYNCZ = "istio.io/debug/syncz";

const CLIENT_CONFIG = "envoy.service.status.v3.ClientConfig";
const TRACKED = [
  TYPE.cluster,
  TYPE.listener,
  TYPE.endpoint,
  TYPE.route,
  typeUrl("envoy.config.core.v3.TypedExtensionConfig"),
];

/**
 * What istiod tells about its clients: to a caller of the root namespace about all, to others about their own namespace.
 * Clients without PROXY_CONFIG in their metadata are not listed.
 */
export function syncStatus(
  caller: ProxyNode,
  rootNamespace: string,
  connections: Iterable<DiscoveryConnection>,
): GeneratedResource[] {
  const resources: GeneratedResource[] = [];
  for (const { node, watches } of connections) {
    if (node === null || node.metadata.PROXY_CONFIG === undefined) continue;
    if (caller.namespace !== rootNamespace && caller.namespace !== node.namespace) continue;
    const value = encode(CLIENT_CONFIG, {
      node: { id: node.id, metadata: jsonToStruct(node.metadata) },
      genericXdsConfigs: TRACKED.map((type) => ({ typeUrl: type, ...statusOf(watches.get(type)) })),
    });
    resources.push({ name: node.id, value, typeUrl: typeUrl(CLIENT_CONFIG) });
  }
  return resources;
}

/** A type nobody asked for stays `UNKNOWN`. */
function statusOf(watch: Watch | undefined): { configStatus?: string } {
  if (watch === undefined) return {};
  if (watch.nonceSent === "") return { configStatus: "NOT_SENT" };
  if (watch.lastError !== "") return { configStatus: "ERROR" };
  return { configStatus: watch.nonceAcked === watch.nonceSent ? "SYNCED" : "STALE" };
}
