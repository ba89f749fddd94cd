import type { EnvoyConfigCoreV3TypedExtensionConfig } from "../protobuf/gen/messages.ts";
import type { ParseResult } from "./common.ts";
import type { Extension } from "./extension.ts";
import type { FilterParser, FilterParsers } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseMessage, required } from "./parse_common.ts";
import { openTypedConfig, type TypedConfig } from "./typed_config.ts";

/**
 * Reads `envoy.config.core.v3.TypedExtensionConfig`. One of a type that is not supported is taken in and reported: what
 * needs it is refused, and a later one of a known type takes its place.
 */
export function parseExtension(bytes: Uint8Array, parsers: FilterParsers): ParseResult<Extension> {
  return parseMessage(
    "envoy.config.core.v3.TypedExtensionConfig",
    bytes,
    (issues, message) => readExtension(issues, message, parsers),
  );
}

function readExtension(
  issues: Issues,
  message: EnvoyConfigCoreV3TypedExtensionConfig,
  parsers: FilterParsers,
): Extension {
  const name = required(issues, "name", message.name);
  const nothing: Extension = { name, typeUrl: "", http: null, network: null };
  if (message.typedConfig === undefined) {
    issues.invalid("typed_config", "it must be given");
    return nothing;
  }
  const config = openTypedConfig(issues, "typed_config", message.typedConfig);
  if (config === null) return nothing;
  const typeUrl = config.messageName;
  const [http, network] = [parsers.http.get(typeUrl), parsers.network.get(typeUrl)];
  if (http === undefined && network === undefined) issues.unsupport("typed_config", typeUrl);
  const plan = planOf(issues, config, http);
  // What is wrong with it is said once.
  return { name, typeUrl, http: plan, network: issues.errors.length > 0 ? null : planOf(issues, config, network) };
}

function planOf(issues: Issues, { messageName, bytes, form }: TypedConfig, parser?: FilterParser): object | null {
  try {
    return parser?.parse(bytes, form) ?? null;
  } catch (error) {
    issues.invalid("typed_config", `'${messageName}' is not valid (${reasonOf(error)})`);
    return null;
  }
}
