import { Buffer } from "node:buffer";
import { encode, type FieldDescriptor, fieldsOf, isKnownMessage, messageName } from "./registry.ts";
import { type Json, jsonToStruct, toDuration } from "./well_known.ts";

type JsonObject = { readonly [key: string]: Json };

const WRAPPER = /^google\.protobuf\.(?:Bool|String|Bytes|Double|Float|U?Int32|U?Int64)Value$/;
/** A message nested deeper than this is no configuration anyone has written. */
const MAX_DEPTH = 64;

/**
 * Encodes a message from its JSON form, names of fields in either case: what a TypedStruct holds.
 *
 * @param name Full name of the message.
 * @param json Its JSON form.
 * @throws {TypeError} With the field, where the message has no such field or the value does not fit.
 */
export function messageFromJson(name: string, json: Json): Uint8Array {
  return encodeMessage(name, json, "", 0);
}

function encodeMessage(name: string, json: Json, path: string, depth: number): Uint8Array {
  if (!isKnownMessage(name)) throw new TypeError(`Cannot read '${path}': message '${name}' is not known`);
  return encode(name, toMessage(name, json, path, depth) as never);
}

function toMessage(name: string, json: Json, path: string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new TypeError(`Cannot read '${path}': it is nested more than ${MAX_DEPTH} deep`);
  if (WRAPPER.test(name)) return { value: name === "google.protobuf.BytesValue" ? toBytes(json, path) : json };
  switch (name) {
    case "google.protobuf.Duration":
      return toDuration(seconds(json, path) * 1000);
    case "google.protobuf.Struct":
      return jsonToStruct(object(json, path));
    case "google.protobuf.Value":
      return jsonToStruct({ value: json }).fields!.value;
    case "google.protobuf.Any": {
      const { "@type": typeUrl, ...rest } = object(json, path);
      if (typeof typeUrl !== "string") throw new TypeError(`Cannot read '${path}': it has no '@type'`);
      const inner = messageName(typeUrl);
      const content = inner.startsWith("google.protobuf.") && "value" in rest ? rest.value! : rest;
      return { typeUrl, value: encodeMessage(inner, content, path, depth + 1) };
    }
  }
  const fields = fieldsOf(name) ?? {};
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object(json, path))) {
    const at = path === "" ? key : `${path}.${key}`;
    const camel = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (!Object.hasOwn(fields, camel)) {
      throw new TypeError(`Cannot read '${at}': message '${name}' has no such field`);
    }
    // JSON's null stands for a field that is not there.
    if (value !== null) out[camel] = toField(fields[camel]!, value, at, depth + 1);
  }
  return out;
}

function toField(field: FieldDescriptor, json: Json, path: string, depth: number): unknown {
  if (field.keyType !== undefined) {
    const entries = Object.entries(object(json, path));
    return Object.fromEntries(
      entries.map(([key, value]) => [key, toValue(field.type, value, `${path}.${key}`, depth)]),
    );
  }
  if (field.rule !== "repeated") return toValue(field.type, json, path, depth);
  if (!Array.isArray(json)) throw new TypeError(`Cannot read '${path}': it must be a list`);
  return json.map((item, index) => toValue(field.type, item, `${path}[${index}]`, depth));
}

function toValue(type: string, json: Json, path: string, depth: number): unknown {
  switch (type) {
    case "string":
      return text(json, path);
    case "bool":
      if (typeof json !== "boolean") throw new TypeError(`Cannot read '${path}': it must be a boolean`);
      return json;
    case "bytes":
      return toBytes(json, path);
  }
  if (fieldsOf(type) !== null || type.startsWith("google.protobuf.")) return toMessage(type, json, path, depth);
  // A number (64-bit ones may come as text), or an enum by its name.
  if (typeof json !== "number" && typeof json !== "string") {
    throw new TypeError(`Cannot read '${path}': it must be a number or a name`);
  }
  return json;
}

function text(json: Json, path: string): string {
  if (typeof json !== "string") throw new TypeError(`Cannot read '${path}': it must be a string`);
  return json;
}

function toBytes(json: Json, path: string): Uint8Array {
  return new Uint8Array(Buffer.from(text(json, path), "base64"));
}

function seconds(json: Json, path: string): number {
  if (typeof json !== "string" || !/^-?[0-9]+(\.[0-9]+)?s$/.test(json)) {
    throw new TypeError(`Cannot read '${path}': it must be a duration like '1.5s'`);
  }
  return Number(json.slice(0, -1));
}

function object(json: Json, path: string): JsonObject & Record<string, Json> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError(`Cannot read '${path}': it must be an object`);
  }
  return json;
}
