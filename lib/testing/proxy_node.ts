import type { EnvoyConfigCoreV3Node } from "../protobuf/gen/messages.ts";
import { type Json, structToJson } from "../protobuf/well_known.ts";

/** Where something runs; parts that are not known are empty. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** The proxy behind a stream, as it described itself. */
export interface ProxyNode {
  /** `type~ip~name.namespace~dnsDomain` */
  readonly id: string;
  readonly ips: readonly string[];
  readonly name: string;
  readonly namespace: string;
  /** `undefined` where the metadata does not say. */
  readonly serviceAccount: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterId: string;
  readonly meshId: string;
  /** As the proxy says; `undefined` without a region. */
  readonly locality: Locality | undefined;
  readonly metadata: { readonly [key: string]: Json };
}

/**
 * Reads the node of a first request.
 *
 * @throws {TypeError} When the id does not have the four parts istiod asks for.
 */
export function parseProxyNode(node: EnvoyConfigCoreV3Node): ProxyNode {
  const id = node.id ?? "";
  const parts = id.split("~");
  if (parts.length !== 4) {
    throw new TypeError(
      `Cannot read the node id: it must be 'type~ip~name.namespace~domain', current value is '${id}'`,
    );
  }
  const [, ip, workload, domain] = parts as [string, string, string, string];
  const metadata = structToJson(node.metadata);
  const dot = workload.lastIndexOf(".");
  const ips = text(metadata.INSTANCE_IPS)?.split(",").filter((item) => item !== "") ?? [];
  return {
    id,
    ips: ips.length > 0 ? ips : [ip],
    name: dot === -1 ? workload : workload.slice(0, dot),
    namespace: text(metadata.NAMESPACE) ?? domain.split(".")[0]!,
    serviceAccount: text(metadata.SERVICE_ACCOUNT),
    labels: stringMap(metadata.LABELS),
    clusterId: text(metadata.CLUSTER_ID) ?? "Kubernetes",
    meshId: text(metadata.MESH_ID) ?? "cluster.local",
    locality: node.locality?.region
      ? { region: node.locality.region, zone: node.locality.zone ?? "", subZone: node.locality.subZone ?? "" }
      : undefined,
    metadata,
  };
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function stringMap(value: Json | undefined): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const map: Record<string, string> = {};
  for (const [key, item] of Object.entries(value)) if (typeof item === "string") map[key] = item;
  return map;
}
