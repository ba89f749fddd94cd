import type { Json } from "../../protobuf/well_known.ts";
import type { Fields } from "../fields.ts";

/** An environment variable of a VM: a value of its own, or the proxy's. */
export type WasmVariable = { readonly name: string } & ({ readonly value: string } | { readonly fromHost: true });

/** The Wasm module of an extension, and how it is run. */
export interface WasmConfig {
  /** With its scheme; `oci` where none was written. */
  readonly url: string;
  readonly sha256: string;
  readonly imagePullPolicy: "UNSPECIFIED_POLICY" | "IfNotPresent" | "Always";
  /** Name of a Secret in the extension's namespace, empty for none. */
  readonly imagePullSecret: string;
  /** `undefined` for none. */
  readonly pluginConfig: { readonly [key: string]: Json } | undefined;
  readonly pluginName: string;
  readonly failStrategy: "FAIL_CLOSE" | "FAIL_OPEN" | "FAIL_RELOAD";
  readonly variables: readonly WasmVariable[];
  readonly network: boolean;
}

/** Names of its fields. */
export const WASM_FIELDS = [
  "url",
  "sha256",
  "imagePullPolicy",
  "imagePullSecret",
  "pluginConfig",
  "pluginName",
  "failStrategy",
  "vmConfig",
  "type",
] as const;

const SCHEMES = ["file", "http", "https", "oci"];

/** Reads the fields of a module, refusing what istiod's validation refuses. The caller checks for other fields. */
export function parseWasmConfig(fields: Fields): WasmConfig {
  const sha256 = fields.string("sha256") ?? "";
  if (sha256 !== "" && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw fields.error("sha256", `must be 64 lower-case hexadecimal digits, current value is '${sha256}'`);
  }
  return {
    url: urlOf(fields),
    sha256,
    imagePullPolicy: fields.oneOf("imagePullPolicy", ["UNSPECIFIED_POLICY", "IfNotPresent", "Always"]) ??
      "UNSPECIFIED_POLICY",
    imagePullSecret: fields.string("imagePullSecret") ?? "",
    pluginConfig: fields.json("pluginConfig"),
    pluginName: fields.string("pluginName") ?? "",
    failStrategy: fields.oneOf("failStrategy", ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"]) ?? "FAIL_CLOSE",
    variables: variablesOf(fields.object("vmConfig")),
    network: fields.oneOf("type", ["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"]) === "NETWORK",
  };
}

function urlOf(fields: Fields): string {
  const url = fields.requiredString("url");
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(url) ?? [];
  if (scheme === undefined) return `oci://${url}`;
  if (!SCHEMES.includes(scheme)) {
    throw fields.error("url", `must have one of the schemes ${SCHEMES.join(", ")}, current value is '${url}'`);
  }
  return url;
}

function variablesOf(vmConfig: Fields | undefined): WasmVariable[] {
  vmConfig?.only("env");
  const names = new Set<string>();
  return (vmConfig?.list("env") ?? []).map((item) => {
    item.only("name", "value", "valueFrom");
    const name = item.requiredString("name");
    if (names.has(name)) throw item.error("name", `must be unique, current value is '${name}'`);
    names.add(name);
    const value = item.string("value");
    if (item.oneOf("valueFrom", ["INLINE", "HOST"]) !== "HOST") return { name, value: value ?? "" };
    if (value !== undefined) throw item.error("value", "must not be given where 'valueFrom' is HOST");
    return { name, fromHost: true };
  });
}
