import { type Kind, parseSelector, specOf } from "./kind.ts";
import { parseWasmConfig, type WasmConfig } from "./wasm_config.ts";
import type { Fields } from "../fields.ts";

/** Where in the chain of filters an extension stands. */
export type ExtensionPhase = "AUTHN" | "AUTHZ" | "STATS" | "UNSPECIFIED_PHASE";

/** Which traffic an extension is for. */
export interface TrafficSelector {
  /** `CLIENT` is outbound, `SERVER` is inbound. */
  readonly mode: "CLIENT" | "SERVER" | "CLIENT_AND_SERVER";
  /** Ports of the service (outbound) or of the workload (inbound); empty for all. */
  readonly ports: readonly number[];
}

/** An extension, as istiod sees it: a TrafficExtension, or a WasmPlugin, which it turns into one. */
export interface TrafficExtension {
  /** Empty for every workload of the namespace, or of the mesh when it lies in the root namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly phase: ExtensionPhase;
  /** The highest goes first; those without one go last. */
  readonly priority: number | undefined;
  /** Empty for all traffic. */
  readonly match: readonly TrafficSelector[];
  readonly wasm: WasmConfig;
}

const PHASES = ["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"] as const;
const MODES = ["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"] as const;

/** `extensions.istio.io TrafficExtension` with a Wasm module. */
export const trafficExtensionKind: Kind<"TrafficExtension", TrafficExtension> = {
  kind: "TrafficExtension",
  groups: ["extensions.istio.io"],
  pushes: ["listeners", "extensions"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("selector", "phase", "priority", "match", "wasm");
    const wasm = spec.object("wasm");
    if (wasm === undefined) throw spec.error("wasm", "is required");
    return parseTrafficExtension(spec, wasm);
  },
};

/** Reads what the two kinds have in common; `wasm` holds the fields of the module. */
export function parseTrafficExtension(spec: Fields, wasm: Fields): TrafficExtension {
  return {
    selector: parseSelector(spec),
    phase: spec.oneOf("phase", PHASES) ?? "UNSPECIFIED_PHASE",
    priority: spec.number("priority", -0x80000000, 0x7fffffff),
    match: spec.list("match").map(parseMatch),
    wasm: parseWasmConfig(wasm),
  };
}

function parseMatch(match: Fields): TrafficSelector {
  match.only("mode", "ports");
  const mode = match.oneOf("mode", MODES) ?? "UNDEFINED";
  const ports = match.list("ports").map((item) => {
    item.only("number");
    const number = item.port("number");
    if (number === undefined) throw item.error("number", "is required");
    return number;
  });
  return { mode: mode === "UNDEFINED" ? "CLIENT_AND_SERVER" : mode, ports };
}
