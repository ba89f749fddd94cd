import type { Json } from "../protobuf/well_known.ts";
import type { PeerMetadata } from "./peer_metadata.ts";

/** Our own node, as telemetry tells of it. */
export interface LocalNode {
  /** Id of the xDS node, `sidecar~IP~POD.NS~DOMAIN`. */
  readonly id: string;
  /** Cluster of the xDS node, which is our own service; absent for none. */
  readonly cluster?: string;
  /** Metadata of the xDS node: `NAME`, `NAMESPACE`, `WORKLOAD_NAME`, `CLUSTER_ID`, `LABELS`, `OWNER` and the like. */
  readonly metadata: Readonly<Record<string, Json>>;
}

/** What the standard metrics say of our own workload; empty strings for what the metadata lacks. */
export function localWorkload(node: LocalNode): PeerMetadata {
  return workloadOf(node.id, node.metadata);
}

/**
 * Reads what metrics need out of node metadata, our own or a peer's. Anything that is not a string counts as missing.
 *
 * @param maxLength Most UTF-16 units of a value; the rest is cut off.
 */
export function workloadOf(id: string, metadata: Readonly<Record<string, Json>>, maxLength = 256): PeerMetadata {
  const text = (from: Readonly<Record<string, Json>>, key: string) => {
    const value = Object.hasOwn(from, key) ? from[key] : undefined;
    return typeof value === "string" ? value.slice(0, maxLength) : "";
  };
  const found = metadata["LABELS"];
  const labels = typeof found === "object" && found !== null && !Array.isArray(found) ? found : {};
  return {
    id: id.slice(0, maxLength),
    workloadName: text(metadata, "WORKLOAD_NAME"),
    namespace: text(metadata, "NAMESPACE"),
    clusterId: text(metadata, "CLUSTER_ID"),
    canonicalService: text(labels, "service.istio.io/canonical-name"),
    canonicalRevision: text(labels, "service.istio.io/canonical-revision"),
    app: text(labels, "app"),
    version: text(labels, "version"),
  };
}
