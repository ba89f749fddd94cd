import type { Kind } from "./kind.ts";

/** A Kubernetes Pod. */
export interface Pod {
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Name of the Node it runs on, which gives it a locality; `""` for none. */
  readonly node: string;
  /** `null` until it has one. */
  readonly ip: string | null;
  /** Container ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly ready: boolean;
  /** Name of the workload it belongs to (its owner's, or its own). */
  readonly workload: string;
}

/** `v1 Pod`: labels, `serviceAccountName`, `nodeName`, named container ports, `status.podIP` and the Ready condition. */
export const podKind: Kind<"Pod", Pod> = {
  kind: "Pod",
  groups: [""],
  pushes: ["endpoints"],
  parse(meta, document) {
    const spec = document.object("spec");
    const status = document.object("status");
    const ports: Record<string, number> = {};
    for (const container of spec?.list("containers") ?? []) {
      for (const port of container.list("ports")) {
        const number = port.port("containerPort");
        if (number === undefined) throw port.error("containerPort", "is required");
        ports[port.string("name") ?? String(number)] = number;
      }
    }
    const condition = status?.list("conditions").find((item) => item.string("type") === "Ready");
    return {
      labels: meta.labels,
      serviceAccount: spec?.string("serviceAccountName") ?? "default",
      node: spec?.string("nodeName") ?? "",
      ip: status?.string("podIP") ?? null,
      ports,
      ready: (condition?.string("status") ?? "True") === "True",
      workload: workloadName(meta.name, document.object("metadata")?.list("ownerReferences") ?? []),
    };
  },
};

/** The deployment behind a replica set `NAME-HASH`, any other controller's name, else the pod's own. */
function workloadName(pod: string, owners: readonly { string(name: string): string | undefined }[]): string {
  const owner = owners[0];
  const name = owner?.string("name");
  if (name === undefined) return pod;
  return owner?.string("kind") === "ReplicaSet" ? name.replace(/-[a-z0-9]+$/, "") : name;
}
