import { type Kind, parseSelector, specOf } from "./kind.ts";
import type { Fields } from "../fields.ts";

/** How a workload takes mutual TLS. */
export type MtlsMode = "STRICT" | "PERMISSIVE" | "DISABLE";

/** An Istio PeerAuthentication. */
export interface PeerAuthentication {
  /** Empty for a whole namespace, or the mesh when it lies in the root namespace. */
  readonly selector: Readonly<Record<string, string>>;
  /** `undefined` inherits from the next wider policy. */
  readonly mode: MtlsMode | undefined;
  /** By the workload's (not the service's) port; `undefined` inherits the policy's own mode. */
  readonly ports: ReadonlyMap<number, MtlsMode | undefined>;
}

const MODES = ["UNSET", "STRICT", "PERMISSIVE", "DISABLE"] as const;

/** `security.istio.io PeerAuthentication`: mesh, namespace and workload scope, `portLevelMtls`. */
export const peerAuthenticationKind: Kind<"PeerAuthentication", PeerAuthentication> = {
  kind: "PeerAuthentication",
  groups: ["security.istio.io"],
  pushes: ["clusters", "endpoints", "listeners"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("selector", "mtls", "portLevelMtls");
    const selector = parseSelector(spec);
    const levels = spec.object("portLevelMtls");
    if (levels !== undefined && Object.keys(selector).length === 0) {
      throw spec.error("portLevelMtls", "needs a 'selector': it applies to workloads only");
    }
    const ports = new Map<number, MtlsMode | undefined>();
    for (const name of levels?.names ?? []) {
      if (!/^\d+$/.test(name)) throw levels!.error(name, "must be named by a port number");
      ports.set(Number(name), modeOf(levels!.object(name)));
    }
    return { selector, mode: modeOf(spec.object("mtls")), ports };
  },
};

function modeOf(mtls: Fields | undefined): MtlsMode | undefined {
  mtls?.only("mode");
  const mode = mtls?.oneOf("mode", MODES);
  return mode === "UNSET" ? undefined : mode;
}
