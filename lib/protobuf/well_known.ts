import type { GoogleProtobufDuration, GoogleProtobufStruct, GoogleProtobufValue } from "./gen/messages.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Milliseconds of a `google.protobuf.Duration`; `undefined` stays so. */
export function durationMs(duration: GoogleProtobufDuration | undefined): number | undefined {
  return duration === undefined ? undefined : (duration.seconds ?? 0) * 1000 + (duration.nanos ?? 0) / 1e6;
}

/** A `google.protobuf.Duration` of that many milliseconds. */
export function toDuration(ms: number): GoogleProtobufDuration {
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** The JSON object that a `google.protobuf.Struct` stands for. */
export function structToJson(struct: GoogleProtobufStruct | undefined): { [key: string]: Json } {
  const out: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(struct?.fields ?? {})) out[key] = valueToJson(value);
  return out;
}

function valueToJson(value: GoogleProtobufValue): Json {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.numberValue !== undefined) return value.numberValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.structValue !== undefined) return structToJson(value.structValue);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(valueToJson);
  return null;
}

/** A `google.protobuf.Struct`; keys are sorted, so that the same object gives the same bytes. */
export function jsonToStruct(object: Readonly<Record<string, Json | undefined>>): GoogleProtobufStruct {
  const fields: Record<string, GoogleProtobufValue> = {};
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value !== undefined) fields[key] = jsonToValue(value);
  }
  return { fields };
}

function jsonToValue(value: Json): GoogleProtobufValue {
  if (value === null) return { nullValue: "NULL_VALUE" };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(jsonToValue) } };
  return { structValue: jsonToStruct(value) };
}
