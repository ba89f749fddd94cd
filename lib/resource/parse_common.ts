import { RE2JS } from "re2js";
import type { SocketAddress } from "../internal/socket_address.ts";
import type {
  EnumValue,
  EnvoyConfigCoreV3Address,
  EnvoyConfigCoreV3ConfigSource,
  EnvoyConfigCoreV3DataSource,
  EnvoyConfigCoreV3Metadata,
  EnvoyTypeMatcherV3RegexMatcher,
  EnvoyTypeMatcherV3StringMatcher,
  EnvoyTypeV3FractionalPercent,
  EnvoyTypeV3Percent,
  GoogleProtobufDuration,
} from "../protobuf/gen/messages.ts";
import { decode, type MessageName } from "../protobuf/registry.ts";
import { durationMs, type Json, structToJson } from "../protobuf/well_known.ts";
import type { FractionalPercent, Metadata, ParseResult, StringMatch } from "./common.ts";
import { Issues, reasonOf } from "./issues.ts";

/** `google.protobuf.Duration` ends here. */
const MAX_DURATION_MS = 315_576_000_000_000;
const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

/** A wrapper message (`google.protobuf.UInt32Value` and the like): absent is not the same as its zero. */
export interface Wrapper<T> {
  value?: T;
}

/**
 * Decodes bytes and reads the message, so that nothing is ever thrown: what is not a message at all is one error,
 * what is wrong with its fields are the others.
 */
export function parseMessage<N extends MessageName, T>(
  name: N,
  bytes: Uint8Array,
  read: (issues: Issues, message: ReturnType<typeof decode<N>>) => T,
): ParseResult<T> {
  const issues = new Issues();
  try {
    return issues.result(read(issues, decode(name, bytes)));
  } catch (error) {
    return { ok: false, errors: [`Cannot read ${bytes.length} bytes as '${name}': ${reasonOf(error)}`] };
  }
}

/** What an enum value stands for; absent is the first, numbers unknown to the descriptors are errors. */
export function parseEnum<T>(
  issues: Issues,
  path: string,
  value: EnumValue | undefined,
  table: Readonly<Record<string, T>>,
  absent: T,
): T {
  if (value === undefined) return absent;
  if (typeof value === "string" && Object.hasOwn(table, value)) return table[value]!;
  issues.invalid(path, `it must be one of ${Object.keys(table).join(", ")}`, value);
  return absent;
}

/** A wrapped number within bounds, or the default where it is absent. */
export function parseNumber(
  issues: Issues,
  path: string,
  wrapper: Wrapper<number> | undefined,
  fallback: number,
  bounds: { min?: number; max?: number } = {},
): number {
  if (wrapper === undefined) return fallback;
  return checkNumber(issues, path, wrapper.value ?? 0, bounds);
}

/** A number within bounds. */
export function checkNumber(
  issues: Issues,
  path: string,
  value: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
): number {
  if (!(value >= min && value <= max)) {
    const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${max}`;
    issues.invalid(path, `it must be ${range}`, value);
  }
  return value;
}

/** A wrapped flag, or the default where it is absent. */
export function flag(wrapper: Wrapper<boolean> | undefined, fallback: boolean): boolean {
  return wrapper === undefined ? fallback : wrapper.value ?? false;
}

/** Milliseconds of a duration, or the default where it is absent. Negative durations are errors. */
export function parseDuration<T extends number | null>(
  issues: Issues,
  path: string,
  duration: GoogleProtobufDuration | undefined,
  fallback: T,
): number | T {
  if (duration === undefined) return fallback;
  const ms = durationMs(duration) ?? 0;
  if (!(ms >= 0 && ms <= MAX_DURATION_MS)) {
    issues.invalid(path, "it must be a duration from 0 to 10,000 years", `${ms / 1000}s`);
    return 0;
  }
  return ms;
}

/** As {@linkcode parseDuration}, and 0 is an error too. */
export function parsePositiveDuration<T extends number | null>(
  issues: Issues,
  path: string,
  duration: GoogleProtobufDuration | undefined,
  fallback: T,
): number | T {
  const errors = issues.errors.length;
  const ms = parseDuration(issues, path, duration, fallback);
  if (ms === 0 && issues.errors.length === errors) issues.invalid(path, "it must be above 0", "0s");
  return ms;
}

/** A percentage from 0 to 100, or the default where it is absent. */
export function parsePercent(
  issues: Issues,
  path: string,
  percent: EnvoyTypeV3Percent | undefined,
  fallback: number,
): number {
  return parseNumber(issues, path, percent, fallback, { min: 0, max: 100 });
}

/** A fraction. */
export function parseFraction(
  issues: Issues,
  path: string,
  fraction: EnvoyTypeV3FractionalPercent | undefined,
): FractionalPercent {
  return {
    numerator: fraction?.numerator ?? 0,
    denominator: parseEnum(issues, `${path}.denominator`, fraction?.denominator, DENOMINATORS, 100),
  };
}

/** Checks that a text is there. */
export function required(issues: Issues, path: string, value: string | undefined): string {
  if (value === undefined || value === "") issues.invalid(path, "it must not be empty", "");
  return value ?? "";
}

/** The pattern of a regular expression that RE2 accepts. */
export function parseRegex(
  issues: Issues,
  path: string,
  matcher: EnvoyTypeMatcherV3RegexMatcher | undefined,
): string {
  const regex = required(issues, `${path}.regex`, matcher?.regex);
  try {
    RE2JS.compile(regex);
  } catch (error) {
    issues.invalid(`${path}.regex`, `RE2 does not accept it (${reasonOf(error)})`, regex);
  }
  return regex;
}

/** How a string is compared. Custom matchers are reported; `null` then, and what holds it must refuse. */
export function parseStringMatch(
  issues: Issues,
  path: string,
  matcher: EnvoyTypeMatcherV3StringMatcher | undefined,
): StringMatch | null {
  const ignoreCase = matcher?.ignoreCase ?? false;
  if (matcher?.exact !== undefined) return { kind: "exact", value: matcher.exact, ignoreCase };
  for (const kind of ["prefix", "suffix", "contains"] as const) {
    if (matcher?.[kind] !== undefined) {
      return { kind, value: required(issues, `${path}.${kind}`, matcher[kind]), ignoreCase };
    }
  }
  if (matcher?.safeRegex !== undefined) {
    // Envoy ignores `ignore_case` for regular expressions.
    return { kind: "regex", value: parseRegex(issues, `${path}.safe_regex`, matcher.safeRegex), ignoreCase: false };
  }
  if (matcher?.custom !== undefined) {
    issues.unsupport(`${path}.custom`, matcher.custom.name ?? "");
    return null;
  }
  issues.invalid(path, "it must say how to match");
  return null;
}

/** The `filter_metadata` of Envoy's Metadata; `typed_filter_metadata` is left to what reads it. */
export function parseMetadata(metadata: EnvoyConfigCoreV3Metadata | undefined): Metadata {
  const out: Record<string, { [key: string]: Json }> = {};
  for (const [namespace, struct] of Object.entries(metadata?.filterMetadata ?? {})) {
    out[namespace] = structToJson(struct);
  }
  return out;
}

/** The text of a data source given in place; files and variables of the control plane's choosing are not read. */
export function parseInlineText(
  issues: Issues,
  path: string,
  source: EnvoyConfigCoreV3DataSource | undefined,
): string | null {
  if (source?.inlineString !== undefined) return source.inlineString;
  if (source?.inlineBytes !== undefined) return new TextDecoder().decode(source.inlineBytes);
  if (source?.filename !== undefined) issues.unsupport(`${path}.filename`, source.filename);
  else if (source?.environmentVariable !== undefined) {
    issues.unsupport(`${path}.environment_variable`, source.environmentVariable);
  } else issues.invalid(path, "it must hold an inline string or inline bytes");
  return null;
}

/** A socket address; other kinds are reported and give `null`. */
export function parseSocketAddress(
  issues: Issues,
  path: string,
  address: EnvoyConfigCoreV3Address | undefined,
): SocketAddress | null {
  const socket = address?.socketAddress;
  if (socket === undefined) {
    if (address?.pipe !== undefined) issues.unsupport(`${path}.pipe`, address.pipe.path ?? "");
    else if (address?.envoyInternalAddress !== undefined) {
      issues.unsupport(`${path}.envoy_internal_address`, address.envoyInternalAddress.serverListenerName ?? "");
    } else issues.invalid(path, "it must hold an address");
    return null;
  }
  if (socket.namedPort !== undefined) {
    issues.invalid(`${path}.socket_address.named_port`, "a port must be a number", socket.namedPort);
  }
  if (socket.protocol === "UDP") issues.unsupport(`${path}.socket_address.protocol`, "UDP");
  return {
    hostname: required(issues, `${path}.socket_address.address`, socket.address),
    port: checkNumber(issues, `${path}.socket_address.port_value`, socket.portValue ?? 0, { max: 65_535 }),
  };
}

/** Whether a configuration source is the stream that everything comes by; others are reported. */
export function isAds(issues: Issues, path: string, source: EnvoyConfigCoreV3ConfigSource | undefined): boolean {
  const other = source?.path ?? source?.pathConfigSource?.path ??
    (source?.apiConfigSource === undefined ? undefined : "api_config_source");
  if (other === undefined) return true;
  issues.unsupport(path, `configuration source '${other}'`);
  return false;
}
