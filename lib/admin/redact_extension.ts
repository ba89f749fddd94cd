import { decode, encode, isKnownMessage, messageName } from "../protobuf/registry.ts";
import { type Json, jsonToStruct, structToJson } from "../protobuf/well_known.ts";
import type { ResourceRecord, StoredBytes } from "../resource/resource_record.ts";

const EXTENSION = "envoy.config.core.v3.TypedExtensionConfig";
/** The variable in which istiod sends what a registry asks for: a whole Docker configuration with its passwords. */
const PULL_SECRET = "ISTIO_META_WASM_IMAGE_PULL_SECRET";
const HIDDEN = "[redacted]";
const WASM = ["envoy.extensions.filters.http.wasm.v3.Wasm", "envoy.extensions.filters.network.wasm.v3.Wasm"] as const;
const TYPED_STRUCTS = ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"] as const;

/** An extension as admin pages may show it: without pull secrets. What cannot be read is not shown at all. */
export function redactExtension(record: ResourceRecord): ResourceRecord {
  const { active, warming, failure } = record;
  return {
    ...record,
    active: redactStored(active),
    warming: redactStored(warming),
    failure: failure === null || failure.bytes === null ? failure : { ...failure, bytes: redact(failure.bytes) },
  };
}

function redactStored(stored: StoredBytes | null): StoredBytes | null {
  return stored === null ? null : { stamp: stored.stamp, bytes: redact(stored.bytes) ?? new Uint8Array() };
}

function redact(bytes: Uint8Array): Uint8Array | null {
  try {
    const extension = decode(EXTENSION, bytes);
    const { typeUrl = "", value = new Uint8Array() } = extension.typedConfig ?? {};
    const clean = redactConfig(messageName(typeUrl), value);
    return clean === value ? bytes : encode(EXTENSION, { ...extension, typedConfig: { typeUrl, value: clean } });
  } catch {
    return null;
  }
}

/** The same bytes where there is nothing to hide. */
function redactConfig(name: string, bytes: Uint8Array): Uint8Array {
  const wasm = WASM.find((type) => type === name);
  if (wasm !== undefined) {
    const message = decode(wasm, bytes);
    const variables = message.config?.vmConfig?.environmentVariables?.keyValues;
    if (variables === undefined || !(PULL_SECRET in variables)) return bytes;
    variables[PULL_SECRET] = HIDDEN;
    return encode(wasm, message);
  }
  const struct = TYPED_STRUCTS.find((type) => type === name);
  if (struct === undefined || !isKnownMessage(struct)) return bytes;
  const message = decode(struct, bytes);
  const value = hide(structToJson(message.value)) as Record<string, Json>;
  return encode(struct, { ...message, value: jsonToStruct(value) });
}

function hide(value: Json): Json {
  if (Array.isArray(value)) return value.map(hide);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === PULL_SECRET ? HIDDEN : hide(item)]),
  );
}
