import type { EnvoyConfigCoreV3ExtensionConfigSource, GoogleProtobufAny } from "../protobuf/gen/messages.ts";
import { decode, encode, messageName } from "../protobuf/registry.ts";
import type { ConfigForm } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";

/** A filter's configuration, taken out of its Any (and its TypedStruct). */
export interface TypedConfig {
  /** Full name of the message, as in the type URL or inside the TypedStruct. */
  readonly messageName: string;
  readonly bytes: Uint8Array;
  readonly form: ConfigForm;
}

/** The fields by which filters of every kind carry their configuration. */
export interface FilterFields {
  name?: string;
  typedConfig?: GoogleProtobufAny;
  configDiscovery?: EnvoyConfigCoreV3ExtensionConfigSource;
}

/** Opens an Any; a `udpa.type.v1.TypedStruct` or `xds.type.v3.TypedStruct` is opened too. `null` after an error. */
export function openTypedConfig(issues: Issues, path: string, any: GoogleProtobufAny): TypedConfig | null {
  const name = messageName(any.typeUrl ?? "");
  const bytes = any.value ?? new Uint8Array();
  if (name === "") {
    issues.invalid(`${path}.type_url`, "it must not be empty", "");
    return null;
  }
  if (name !== "udpa.type.v1.TypedStruct" && name !== "xds.type.v3.TypedStruct") {
    return { messageName: name, bytes, form: "message" };
  }
  try {
    const struct = decode(name, bytes);
    const inner = messageName(struct.typeUrl ?? "");
    if (inner === "") issues.invalid(`${path}.type_url`, "it must not be empty", "");
    return { messageName: inner, bytes: encode("google.protobuf.Struct", struct.value ?? {}), form: "struct" };
  } catch (error) {
    issues.invalid(path, `it cannot be read as '${name}' (${reasonOf(error)})`);
    return null;
  }
}

/**
 * The configuration of a filter; `null` where there is none here: it is empty, to be discovered (`config_discovery`), or
 * cannot be read.
 */
export function filterConfig(issues: Issues, path: string, filter: FilterFields): TypedConfig | null {
  return filter.typedConfig === undefined ? null : openTypedConfig(issues, `${path}.typed_config`, filter.typedConfig);
}

/** What an unsupported filter is called in reports: its type, or that it would have to be discovered. */
export function describeFilter(filter: FilterFields, config: TypedConfig | null): string {
  if (config !== null) return config.messageName;
  if (filter.configDiscovery === undefined) return filter.name ?? "";
  const types = (filter.configDiscovery.typeUrls ?? []).map(messageName).join(", ");
  return `config_discovery of ${types === "" ? filter.name ?? "" : types}`;
}
