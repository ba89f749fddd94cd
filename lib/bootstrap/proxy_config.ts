import type { Json } from "../protobuf/well_known.ts";

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/**
 * Reads an object written in YAML or JSON. The YAML parser is loaded only for text that is not JSON: a pod's
 * `PROXY_CONFIG` mostly is, and the start should not pay for it.
 *
 * @throws {TypeError} When the text is neither, or not an object.
 */
export async function readYamlObject(text: string): Promise<JsonObject> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = await parseYaml(text);
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new TypeError(`Expected an object, current value is '${text.slice(0, 100)}'`);
  }
  return value as JsonObject;
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    // "core" has no timestamps and binaries: what comes out is JSON.
    return parse(text, { schema: "core", maxAliasCount: 10, prettyErrors: false });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new TypeError(`Expected YAML or JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Environment variables that the YAML parser reads each time; JSON is read without it. */
export const YAML_VARIABLES: readonly string[] = ["LOG_TOKENS", "LOG_STREAM"];

/** Istio's ProxyConfigs over each other, the last one on top; `proxyMetadata` is merged key by key. */
export function mergeProxyConfigs(configs: readonly JsonObject[]): JsonObject {
  const merged: JsonObject = {};
  const metadata: JsonObject = {};
  for (const config of configs) {
    Object.assign(merged, config);
    if (isObject(config.proxyMetadata)) Object.assign(metadata, config.proxyMetadata);
  }
  if (Object.keys(metadata).length > 0) merged.proxyMetadata = metadata;
  return merged;
}

/** `proxyMetadata` of a ProxyConfig: environment variables for the proxy, as texts. */
export function proxyMetadata(config: JsonObject): Record<string, string> {
  const variables: Record<string, string> = {};
  if (!isObject(config.proxyMetadata)) return variables;
  for (const [name, value] of Object.entries(config.proxyMetadata)) {
    if (value !== null) variables[name] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  return variables;
}

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
