import type { EnvoyConfigCoreV3ExtensionConfigSource } from "../protobuf/gen/messages.ts";
import { messageName } from "../protobuf/registry.ts";
import type { DefaultFilterConfig, FilterDiscovery } from "./filter_discovery.ts";
import type { FilterParser } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { isAds, parseDuration } from "./parse_common.ts";
import { openTypedConfig } from "./typed_config.ts";

/** Envoy's `initial_fetch_timeout` where none is given. */
const INITIAL_FETCH_TIMEOUT_MS = 15_000;

/**
 * Reads where the configuration of a filter comes from.
 *
 * @param parsers Of filters of that place, for the default configuration.
 * @returns `null` after an error, and where it comes from is not supported: what needs the filter refuses.
 */
export function parseFilterDiscovery(
  issues: Issues,
  path: string,
  source: EnvoyConfigCoreV3ExtensionConfigSource,
  parsers: ReadonlyMap<string, FilterParser>,
): FilterDiscovery | null {
  const types = new Set((source.typeUrls ?? []).map(messageName));
  if (types.size === 0) issues.invalid(`${path}.type_urls`, "it must not be empty");
  if (source.configSource === undefined) issues.invalid(`${path}.config_source`, "it must be given");
  if (source.applyDefaultConfigWithoutWarming === true && source.defaultConfig === undefined) {
    const needs = `${path}.apply_default_config_without_warming`;
    issues.invalid(needs, "it needs a 'default_config'");
  }
  const fallback = source.defaultConfig === undefined
    ? null
    : parseDefault(issues, `${path}.default_config`, source.defaultConfig, types, parsers);
  const timeoutMs = parseDuration(
    issues,
    `${path}.config_source.initial_fetch_timeout`,
    source.configSource?.initialFetchTimeout,
    INITIAL_FETCH_TIMEOUT_MS,
  );
  if (!isAds(issues, `${path}.config_source`, source.configSource)) return null;
  return { types, fallback, waits: source.applyDefaultConfigWithoutWarming !== true, timeoutMs };
}

function parseDefault(
  issues: Issues,
  path: string,
  any: NonNullable<EnvoyConfigCoreV3ExtensionConfigSource["defaultConfig"]>,
  types: ReadonlySet<string>,
  parsers: ReadonlyMap<string, FilterParser>,
): DefaultFilterConfig | null {
  const config = openTypedConfig(issues, path, any);
  if (config === null) return null;
  const typeUrl = config.messageName;
  if (!types.has(typeUrl)) {
    issues.invalid(path, `its type must be one of '${[...types].join("', '")}'`, typeUrl);
    return null;
  }
  const parser = parsers.get(typeUrl);
  if (parser === undefined) {
    issues.unsupport(path, typeUrl);
    return { typeUrl, plan: null };
  }
  try {
    return { typeUrl, plan: parser.parse(config.bytes, config.form) };
  } catch (error) {
    issues.invalid(path, `'${typeUrl}' is not valid (${reasonOf(error)})`);
    return null;
  }
}
