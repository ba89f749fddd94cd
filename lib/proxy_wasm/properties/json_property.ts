import { decodeLatin1 } from "../latin1.ts";
import { encode } from "../../protobuf/registry.ts";
import { type Json, jsonToStruct } from "../../protobuf/well_known.ts";
import type { Metadata } from "../../resource/common.ts";
import type { PropertyMap, PropertyValue } from "../property_value.ts";

/** A text of ours as the byte string of its UTF-8. */
export function utf8(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x80) continue;
    const bytes = new TextEncoder().encode(text);
    return decodeLatin1(bytes, 0, bytes.length);
  }
  return text;
}

/** A value of a `google.protobuf.Struct`, to be descended into; `undefined` for null, which modules cannot read. */
export function jsonProperty(json: Json | undefined): PropertyValue | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json === "string") return utf8(json);
  if (typeof json === "number") return { kind: "double", value: json };
  if (typeof json === "boolean") return json;
  if (Array.isArray(json)) {
    return { kind: "list", items: json.flatMap((item) => jsonProperty(item) ?? []) };
  }
  return {
    kind: "map",
    get: (key) => Object.hasOwn(json, key) ? jsonProperty(json[key]) : undefined,
    *entries() {
      for (const key of Object.keys(json)) {
        const value = jsonProperty(json[key]);
        if (value !== undefined) yield [utf8(key), value] as const;
      }
    },
  };
}

/** A node that is only there for its children: as a whole it is an empty map, as in Envoy. */
export function branch(get: (key: string) => PropertyValue | undefined): PropertyMap {
  return { kind: "map", get, entries: () => [] };
}

/** `envoy.config.core.v3.Metadata`: `filter_metadata` by namespace and key, and the message as a whole. */
export function metadataProperty(metadata: Metadata, rest: readonly string[]): PropertyValue | undefined {
  if (rest.length > 0) {
    return rest[0] === "filter_metadata" ? jsonProperty(metadata as Record<string, Json>) : undefined;
  }
  const filterMetadata = Object.fromEntries(
    Object.entries(metadata).map(([namespace, values]) => [namespace, jsonToStruct(values)]),
  );
  return encode("envoy.config.core.v3.Metadata", { filterMetadata });
}

/** Goes down from a value along a path; `undefined` where the path leads nowhere. */
export function descend(
  value: PropertyValue | undefined,
  path: readonly string[],
  from: number,
): PropertyValue | undefined {
  let at = value;
  for (let i = from; i < path.length; i++) {
    if (typeof at !== "object" || at instanceof Uint8Array) return undefined;
    if (at.kind === "map") at = at.get(path[i]!);
    else if (at.kind === "list") at = /^[0-9]{1,9}$/.test(path[i]!) ? at.items[Number(path[i])] : undefined;
    else return undefined;
  }
  return at;
}
