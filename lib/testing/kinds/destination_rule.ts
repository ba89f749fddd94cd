import { parseExportTo } from "./export_to.ts";
import { type Kind, specOf } from "./kind.ts";
import { mergePolicies, parseTrafficPolicy, type TrafficPolicy } from "./traffic_policy.ts";

/** A named part of a host's endpoints. */
export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: TrafficPolicy | undefined;
}

/** An Istio DestinationRule. */
export interface DestinationRule {
  /** As written: short names are relative to the rule's namespace; `*.` for every host below. */
  readonly host: string;
  readonly policy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  /** Namespaces that see it: `.`, `*` or names; empty for all. */
  readonly exportTo: readonly string[];
  /** Labels of the callers it holds for, in its own namespace; `undefined` for all callers. */
  readonly workloadSelector: Readonly<Record<string, string>> | undefined;
}

/** `networking.istio.io DestinationRule`: the whole of it. */
export const destinationRuleKind: Kind<"DestinationRule", DestinationRule> = {
  kind: "DestinationRule",
  groups: ["networking.istio.io"],
  pushes: ["clusters", "endpoints", "listeners", "routes"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("host", "trafficPolicy", "subsets", "exportTo", "workloadSelector");
    const selector = spec.object("workloadSelector");
    selector?.only("matchLabels");
    return {
      host: spec.requiredString("host"),
      policy: parseTrafficPolicy(spec.object("trafficPolicy")),
      subsets: spec.list("subsets").map((subset) => {
        subset.only("name", "labels", "trafficPolicy");
        return {
          name: subset.requiredString("name"),
          labels: subset.stringMap("labels"),
          policy: parseTrafficPolicy(subset.object("trafficPolicy")),
        };
      }),
      exportTo: parseExportTo(spec),
      workloadSelector: selector?.stringMap("matchLabels"),
    };
  },
};

/** The policy of one port of a host or subset. */
export function policyFor(rule: DestinationRule | undefined, subset: Subset | undefined, port: number): TrafficPolicy {
  return mergePolicies(rule?.policy, subset?.policy, port);
}
