/**
 * Messages in protobuf's JSON form, as Envoy's admin interface prints them: field names as in the `.proto` files,
 * contents of an Any in place, secrets left out.
 *
 * @module
 */
import { decodeExactly, type FieldDescriptor, fieldsOf, isKnownMessage, messageName } from "./registry.ts";
import type { Json } from "./well_known.ts";

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** What Envoy writes in place of a secret text; of secret bytes it is the base64 form. */
const REDACTED = "[redacted]";

/**
 * Fields that Envoy marks as sensitive (`udpa.annotations.sensitive`), of the messages known here.
 */
const SENSITIVE: Readonly<Record<string, readonly string[]>> = {
  "envoy.extensions.transport_sockets.tls.v3.TlsCertificate": ["privateKey", "password", "pkcs12"],
  "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys": ["keys"],
  "envoy.extensions.transport_sockets.tls.v3.GenericSecret": ["secret", "secrets"],
};

/** Messages whose JSON form is not an object of their fields. */
const WELL_KNOWN = /^google\.protobuf\.(Any|Duration|Timestamp|Struct|Value|ListValue|FieldMask|Empty|\w+Value)$/;

/**
 * The JSON form of a message.
 *
 * @param name Its full name.
 * @param bytes The message.
 * @returns `null` where the bytes are no such message, or the name is not in the descriptors.
 */
export function messageToJson(name: string, bytes: Uint8Array): Json {
  if (!isKnownMessage(name)) return null;
  try {
    return toJson(name, decodeExactly(name, bytes), false);
  } catch {
    return null;
  }
}

/**
 * The JSON form of an Any: its `@type` and the fields of what is in it. What cannot be read, or is of a type that is
 * not known here, stays base64 under `value`.
 */
export function anyToJson(url: string, bytes: Uint8Array): JsonObject {
  const name = messageName(url);
  const json = messageToJson(name, bytes);
  if (json === null && name !== "google.protobuf.Value") return { "@type": url, value: base64(bytes) };
  return WELL_KNOWN.test(name) || !isObject(json) ? { "@type": url, value: json } : { "@type": url, ...json };
}

function toJson(name: string, message: unknown, secret: boolean): Json {
  const value = message as Record<string, unknown>;
  if (WELL_KNOWN.test(name)) return wellKnown(name, value, secret);
  const fields = fieldsOf(name);
  if (fields === null) return scalar(name, message, secret);
  const sensitive = SENSITIVE[name];
  const out: JsonObject = {};
  for (const key of Object.keys(value)) {
    const field = fields[key]!;
    out[snakeCase(key)] = fieldToJson(field, value[key], secret || (sensitive?.includes(key) ?? false));
  }
  return out;
}

function fieldToJson(field: FieldDescriptor, value: unknown, secret: boolean): Json {
  if (field.keyType !== undefined) {
    const out: JsonObject = {};
    for (const [key, entry] of Object.entries(value as object)) out[key] = toJson(field.type, entry, secret);
    return out;
  }
  if (field.rule === "repeated") return (value as unknown[]).map((entry) => toJson(field.type, entry, secret));
  return toJson(field.type, value, secret);
}

/** Numbers, texts, bytes and enums. */
function scalar(type: string, value: unknown, secret: boolean): Json {
  switch (type) {
    case "string":
      return secret ? REDACTED : value as string;
    case "bytes":
      return secret ? btoa(REDACTED) : base64(value as Uint8Array);
    case "float":
      return shortest(value as number);
    default:
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : value as Json;
  }
}

function wellKnown(name: string, value: Record<string, unknown>, secret: boolean): Json {
  switch (name) {
    case "google.protobuf.Any": {
      const bytes = value.value as Uint8Array | undefined ?? new Uint8Array();
      const url = value.typeUrl as string | undefined ?? "";
      return url === "" ? {} : anyToJson(url, bytes);
    }
    case "google.protobuf.Duration":
      return `${seconds(value)}${nanos(Math.abs(value.nanos as number | undefined ?? 0))}s`;
    case "google.protobuf.Timestamp": {
      const whole = new Date(Number(value.seconds ?? 0) * 1000).toISOString().slice(0, -".000Z".length);
      return `${whole}${nanos(value.nanos as number | undefined ?? 0)}Z`;
    }
    case "google.protobuf.Struct":
      return structToJson(value, secret);
    case "google.protobuf.Value":
      return valueToJson(value, secret);
    case "google.protobuf.ListValue":
      return (value.values as Record<string, unknown>[] | undefined ?? []).map((entry) => valueToJson(entry, secret));
    case "google.protobuf.FieldMask":
      return (value.paths as string[] | undefined ?? []).join(",");
    case "google.protobuf.Empty":
      return {};
    default:
      return wrapped(name, value, secret);
  }
}

/** The value in a wrapper (`google.protobuf.UInt32Value` and the like); an absent one is the type's default. */
function wrapped(name: string, value: Record<string, unknown>, secret: boolean): Json {
  const type = fieldsOf(name)?.value?.type ?? "string";
  if (value.value !== undefined) return scalar(type, value.value, secret);
  if (type === "string" || type === "bytes") return "";
  if (type === "bool") return false;
  return type.endsWith("64") ? "0" : 0;
}

function structToJson(struct: Record<string, unknown>, secret: boolean): JsonObject {
  const out: JsonObject = {};
  for (const [key, entry] of Object.entries(struct.fields ?? {})) out[key] = valueToJson(entry, secret);
  return out;
}

function valueToJson(value: Record<string, unknown>, secret: boolean): Json {
  if (value.stringValue !== undefined) return secret ? REDACTED : value.stringValue as string;
  if (value.numberValue !== undefined) return scalar("double", value.numberValue, secret);
  if (value.boolValue !== undefined) return value.boolValue as boolean;
  if (value.structValue !== undefined) return structToJson(value.structValue as Record<string, unknown>, secret);
  if (value.listValue !== undefined) {
    return wellKnown("google.protobuf.ListValue", value.listValue as Record<string, unknown>, secret);
  }
  return null;
}

function seconds(duration: Record<string, unknown>): string {
  const whole = String(duration.seconds ?? "0");
  return whole === "0" && (duration.nanos as number | undefined ?? 0) < 0 ? "-0" : whole;
}

/** Fractions of a second in groups of three digits, as few as it takes. */
function nanos(value: number): string {
  if (value === 0) return "";
  return `.${String(value).padStart(9, "0").replace(/(000){1,2}$/, "")}`;
}

/** The shortest decimal number that is this 32-bit float. */
function shortest(value: number): Json {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

const names = new Map<string, string>();

/** The name of a field in its `.proto` file. */
function snakeCase(name: string): string {
  let snake = names.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    names.set(name, snake);
  }
  return snake;
}

function isObject(json: Json): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
