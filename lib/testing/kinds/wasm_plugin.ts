import { type Kind, specOf } from "./kind.ts";
import { parseTrafficExtension, type TrafficExtension } from "./traffic_extension.ts";
import { WASM_FIELDS } from "./wasm_config.ts";

/** `extensions.istio.io WasmPlugin`: phases, priority, match, module, policies; without `targetRefs`. */
export const wasmPluginKind: Kind<"WasmPlugin", TrafficExtension> = {
  kind: "WasmPlugin",
  groups: ["extensions.istio.io"],
  pushes: ["listeners", "extensions"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("selector", "phase", "priority", "match", ...WASM_FIELDS);
    return parseTrafficExtension(spec, spec);
  },
};
