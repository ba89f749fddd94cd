import type { GoogleProtobufAny } from "../protobuf/gen/messages.ts";
import { decode } from "../protobuf/registry.ts";
import { FILTER_DISABLED, FILTER_UNSUPPORTED, type FilterParsers } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import type { PerFilterConfig } from "./route.ts";
import { openTypedConfig } from "./typed_config.ts";

const WRAPPER = "envoy.config.route.v3.FilterConfig";
const NONE: PerFilterConfig = new Map();

/**
 * Reads `typed_per_filter_config`. What no injected parser knows is reported and marked: the filter of that name, if it
 * is in the chain at all, is unsupported itself and the chain refuses, or refuses there where the filter is off otherwise.
 */
export function parsePerFilterConfig(
  issues: Issues,
  path: string,
  configs: Readonly<Record<string, GoogleProtobufAny>> | undefined,
  parsers: FilterParsers,
): PerFilterConfig {
  if (configs === undefined) return NONE;
  const out = new Map<string, object>();
  for (const [name, any] of Object.entries(configs)) {
    if (parsers.skip.has(name)) continue;
    const value = parseOne(issues, `${path}.typed_per_filter_config[${name}]`, any, parsers, false);
    if (value !== null) out.set(name, value);
  }
  return out;
}

function parseOne(
  issues: Issues,
  path: string,
  any: GoogleProtobufAny,
  parsers: FilterParsers,
  optional: boolean,
): object | null {
  const config = openTypedConfig(issues, path, any);
  if (config === null) return null;
  try {
    if (config.messageName === WRAPPER && config.form === "message") {
      const wrapper = decode(WRAPPER, config.bytes);
      if (wrapper.disabled === true) return FILTER_DISABLED;
      if (wrapper.config === undefined || wrapper.config.typeUrl?.endsWith(`/${WRAPPER}`)) {
        issues.invalid(`${path}.config`, "it must hold the configuration of a filter");
        return null;
      }
      return parseOne(issues, `${path}.config`, wrapper.config, parsers, wrapper.isOptional ?? false);
    }
    const parser = parsers.perRoute.get(config.messageName);
    if (parser !== undefined) return parser.parse(config.bytes, config.form);
  } catch (error) {
    issues.invalid(path, `'${config.messageName}' is not valid (${reasonOf(error)})`);
    return null;
  }
  if (optional) return null;
  issues.unsupport(path, config.messageName);
  return FILTER_UNSUPPORTED;
}
