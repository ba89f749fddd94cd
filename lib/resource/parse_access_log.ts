import type {
  EnvoyConfigAccesslogV3AccessLog,
  EnvoyConfigAccesslogV3AccessLogFilter,
  EnvoyConfigCoreV3SubstitutionFormatString,
  EnvoyExtensionsAccess_loggersFileV3FileAccessLog,
  GoogleProtobufAny,
} from "../protobuf/gen/messages.ts";
import { decode, messageName } from "../protobuf/registry.ts";
import { structToJson } from "../protobuf/well_known.ts";
import type { AccessLogConfig } from "./common.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseInlineText, required } from "./parse_common.ts";

const FILE = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
const STDOUT = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const STDERR = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog";
const CEL = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";

/** Reads access logs. Those of an unsupported kind, or with an unsupported filter, are reported and left out. */
export function parseAccessLogs(
  issues: Issues,
  path: string,
  logs: readonly EnvoyConfigAccesslogV3AccessLog[] | undefined,
): AccessLogConfig[] {
  const out: AccessLogConfig[] = [];
  for (const [index, log] of (logs ?? []).entries()) {
    const target = parseTarget(issues, `${path}[${index}]`, log.typedConfig);
    const filter = parseFilter(issues, `${path}[${index}].filter`, log.filter);
    if (target !== null && filter !== null) out.push({ ...target, ...filter });
  }
  return out;
}

function parseTarget(
  issues: Issues,
  path: string,
  config: GoogleProtobufAny | undefined,
): Pick<AccessLogConfig, "path" | "format"> | null {
  const name = messageName(config?.typeUrl ?? "");
  const bytes = config?.value ?? new Uint8Array();
  const configPath = `${path}.typed_config`;
  try {
    if (name === STDOUT || name === STDERR) {
      return {
        path: name === STDOUT ? "/dev/stdout" : "/dev/stderr",
        format: parseFormat(issues, `${configPath}.log_format`, decode(name, bytes).logFormat),
      };
    }
    if (name === FILE) {
      const file = decode(FILE, bytes);
      return {
        path: required(issues, `${configPath}.path`, file.path),
        format: parseFileFormat(issues, configPath, file),
      };
    }
  } catch (error) {
    issues.invalid(configPath, `it cannot be read as '${name}' (${reasonOf(error)})`);
    return null;
  }
  issues.unsupport(configPath, name);
  return null;
}

/** The deprecated fields say the same as `log_format`. */
function parseFileFormat(
  issues: Issues,
  path: string,
  file: EnvoyExtensionsAccess_loggersFileV3FileAccessLog,
): AccessLogConfig["format"] {
  if (file.format !== undefined) return { text: file.format };
  const json = file.jsonFormat ?? file.typedJsonFormat;
  if (json !== undefined) return { json: structToJson(json) };
  return parseFormat(issues, `${path}.log_format`, file.logFormat);
}

function parseFormat(
  issues: Issues,
  path: string,
  format: EnvoyConfigCoreV3SubstitutionFormatString | undefined,
): AccessLogConfig["format"] {
  if (format?.jsonFormat !== undefined) return { json: structToJson(format.jsonFormat) };
  // An empty text format stands for the default one.
  if (format?.textFormat !== undefined) return format.textFormat === "" ? null : { text: format.textFormat };
  if (format?.textFormatSource !== undefined) {
    const text = parseInlineText(issues, `${path}.text_format_source`, format.textFormatSource);
    return text === null || text === "" ? null : { text };
  }
  return null;
}

/** What must hold of a request to be logged; `null` where that cannot be decided here. */
type Filter = Pick<AccessLogConfig, "responseFlagFilter" | "expression">;

const LOG_ALL: Filter = { responseFlagFilter: null, expression: null };

function parseFilter(
  issues: Issues,
  path: string,
  filter: EnvoyConfigAccesslogV3AccessLogFilter | undefined,
): Filter | null {
  if (filter === undefined) return LOG_ALL;
  if (filter.responseFlagFilter !== undefined) {
    return { responseFlagFilter: filter.responseFlagFilter.flags ?? [], expression: null };
  }
  const extension = filter.extensionFilter?.typedConfig;
  if (extension !== undefined && messageName(extension.typeUrl ?? "") === CEL) {
    try {
      const { expression } = decode(CEL, extension.value ?? new Uint8Array());
      return { responseFlagFilter: null, expression: required(issues, `${path}.extension_filter`, expression) };
    } catch (error) {
      issues.invalid(`${path}.extension_filter`, `it cannot be read (${reasonOf(error)})`);
      return null;
    }
  }
  if (filter.andFilter !== undefined) {
    const parts = (filter.andFilter.filters ?? [])
      .map((part, index) => parseFilter(issues, `${path}.and_filter.filters[${index}]`, part));
    return parts.reduce<Filter | null>(
      (both, part) => both === null || part === null ? null : and(both, part),
      LOG_ALL,
    );
  }
  issues.unsupport(path, extension === undefined ? Object.keys(filter).join(", ") : extension.typeUrl ?? "");
  return null;
}

function and(a: Filter, b: Filter): Filter {
  return {
    responseFlagFilter: intersect(a.responseFlagFilter, b.responseFlagFilter),
    expression: a.expression !== null && b.expression !== null
      ? `(${a.expression}) && (${b.expression})`
      : a.expression ?? b.expression,
  };
}

/** An empty list stands for any flag, as in Envoy. Two lists are joined by leaving what both have. */
function intersect(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (a === null || b === null) return a ?? b;
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const both = a.filter((flag) => b.includes(flag));
  // Nothing in common may not turn into "any flag": no request carries this one.
  return both.length > 0 ? both : ["-"];
}
