import type { Locality } from "../proxy_node.ts";
import { type Kind, specOf } from "./kind.ts";

/** An Istio WorkloadEntry: a workload that is no pod. */
export interface WorkloadEntry {
  /** IP address. */
  readonly address: string;
  /** Ports by name; they go before the target ports of Services. */
  readonly ports: Readonly<Record<string, number>>;
  /** Those of the metadata go before those of the spec. */
  readonly labels: Readonly<Record<string, string>>;
  /** Empty where none is given: such a workload takes no mutual TLS unless a label says so. */
  readonly serviceAccount: string;
  readonly locality: Locality;
  readonly weight: number;
}

/** `networking.istio.io WorkloadEntry`: without `network`; Services select them by their labels. */
export const workloadEntryKind: Kind<"WorkloadEntry", WorkloadEntry> = {
  kind: "WorkloadEntry",
  groups: ["networking.istio.io"],
  pushes: ["clusters", "endpoints"],
  parse(meta, document) {
    const spec = specOf(document);
    spec.only("address", "ports", "labels", "serviceAccount", "locality", "weight");
    const labels = { ...spec.stringMap("labels"), ...meta.labels };
    const ports = spec.object("ports");
    // A label cannot hold slashes: there dots stand for them.
    const [region = "", zone = "", subZone = ""] =
      (spec.string("locality") ?? labels["istio-locality"]?.replaceAll(".", "/") ?? "").split("/");
    return {
      address: spec.requiredString("address"),
      ports: Object.fromEntries((ports?.names ?? []).map((name) => [name, ports!.port(name)!])),
      labels,
      serviceAccount: spec.string("serviceAccount") ?? "",
      locality: { region, zone, subZone },
      weight: spec.number("weight") || 1,
    };
  },
};
