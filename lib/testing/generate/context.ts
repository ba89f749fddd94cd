import type { GoogleProtobufDuration } from "../../protobuf/gen/messages.ts";
import { toDuration } from "../../protobuf/well_known.ts";
import type { MeshView } from "../mesh_view.ts";
import type { ProxyNode } from "../proxy_node.ts";

/** What every generator reads: the mesh as it is now, and for whom. */
export interface GenerateContext {
  readonly view: MeshView;
  readonly node: ProxyNode;
}

/** A generated resource. */
export interface GeneratedResource {
  /** Empty for the one NameTable. */
  readonly name: string;
  /** The serialized message. */
  readonly value: Uint8Array;
  /** Type of the message where it is not the type subscribed to: only to test how a client takes it. */
  readonly typeUrl?: string;
}

/** Istio's cluster name. */
export function clusterName(port: number, subset: string, hostname: string): string {
  return `outbound|${port}|${subset}|${hostname}`;
}

/** The port, subset and host in an outbound cluster name; `undefined` for any other name. */
export function parseClusterName(name: string): { port: number; subset: string; hostname: string } | undefined {
  const match = /^outbound\|(\d+)\|([^|]*)\|([^|]+)$/.exec(name);
  return match === null ? undefined : { port: Number(match[1]), subset: match[2]!, hostname: match[3]! };
}

/** `istio.canonical_service` and its revision, as Istio reads them from labels. */
export function canonical(
  labels: Readonly<Record<string, string>>,
  workload: string,
): { service: string; revision: string } {
  return {
    service: labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels.app ?? workload,
    revision: labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels.version ??
      "latest",
  };
}

/** A duration as Go writes it: parts that are zero are not on the wire. */
export function duration(ms: number): GoogleProtobufDuration {
  const { seconds, nanos } = toDuration(ms);
  return { ...(seconds ? { seconds } : {}), ...(nanos ? { nanos } : {}) };
}
