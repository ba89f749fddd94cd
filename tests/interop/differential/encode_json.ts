import { Buffer } from "node:buffer";
import descriptors from "../../../lib/protobuf/gen/descriptors.json" with { type: "json" };
import { encode, isKnownMessage, messageName } from "../../../lib/protobuf/registry.ts";
import { type Json as StructJson, jsonToStruct, toDuration } from "../../../lib/protobuf/well_known.ts";
import type { Json, JsonObject } from "./case.ts";

interface Field {
  readonly type: string;
  readonly rule?: string;
  readonly keyType?: string;
}

const TABLE = descriptors as unknown as Record<string, { fields?: Record<string, Field>; values?: object }>;
const WRAPPER = /^google\.protobuf\.(?:Bool|String|Bytes|Double|Float|U?Int32|U?Int64)Value$/;

/**
 * Encodes a message from the JSON that Envoy reads: the two sides of a case get one configuration.
 *
 * @throws {Error} For fields and messages that are not in the descriptors of enmesh, with the path to them.
 */
export function encodeJson(name: string, json: Json, path: string = name): Uint8Array {
  if (!isKnownMessage(name)) {
    throw new Error(`Cannot encode '${path}': message '${name}' is not known, add it to tools/protobuf/roots.ts`);
  }
  return encode(name, toMessage(name, json, path) as never);
}

function toMessage(name: string, json: Json, path: string): unknown {
  if (WRAPPER.test(name)) return { value: json };
  switch (name) {
    case "google.protobuf.Duration":
      return toDuration(Number(String(json).replace(/s$/, "")) * 1000);
    case "google.protobuf.Struct":
      return jsonToStruct(json as Record<string, StructJson>);
    case "google.protobuf.Value":
      return jsonToStruct({ value: json as StructJson }).fields!.value;
    case "google.protobuf.Any": {
      const { "@type": typeUrl, ...rest } = json as JsonObject;
      const inner = messageName(String(typeUrl));
      const content = /^google\.protobuf\./.test(inner) && "value" in rest ? rest.value! : rest;
      return { typeUrl, value: encodeJson(inner, content, `${path}<${inner}>`) };
    }
  }
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json as JsonObject)) {
    const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const field = TABLE[name]?.fields?.[camel];
    if (field === undefined) throw new Error(`Cannot encode '${path}.${key}': message '${name}' has no such field`);
    out[camel] = toField(field, value, `${path}.${key}`);
  }
  return out;
}

function toField(field: Field, json: Json, path: string): unknown {
  if (field.keyType !== undefined) {
    return Object.fromEntries(
      Object.entries(json as JsonObject).map(([key, value]) => [key, toValue(field.type, value, `${path}[${key}]`)]),
    );
  }
  if (field.rule !== "repeated") return toValue(field.type, json, path);
  return (json as readonly Json[]).map((item, index) => toValue(field.type, item, `${path}[${index}]`));
}

function toValue(type: string, json: Json, path: string): unknown {
  if (TABLE[type]?.fields !== undefined || type.startsWith("google.protobuf.")) return toMessage(type, json, path);
  return type === "bytes" ? new Uint8Array(Buffer.from(String(json), "base64")) : json;
}
