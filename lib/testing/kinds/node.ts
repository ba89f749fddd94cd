import type { Kind } from "./kind.ts";

/** A Kubernetes Node, for the locality of its pods. */
export interface KubernetesNode {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** `v1 Node`: the topology labels. */
export const nodeKind: Kind<"Node", KubernetesNode> = {
  kind: "Node",
  groups: [""],
  clusterScoped: true,
  pushes: ["endpoints"],
  parse: (meta) => ({
    region: meta.labels["topology.kubernetes.io/region"] ?? "",
    zone: meta.labels["topology.kubernetes.io/zone"] ?? "",
    subZone: meta.labels["topology.istio.io/subzone"] ?? "",
  }),
};
