import type { JsonObject } from "../protobuf/json.ts";
import type { Json } from "../protobuf/well_known.ts";
import { fieldsOf } from "../protobuf/registry.ts";

/** The fields that are shown, by name; an empty mask shows everything below. */
export type FieldMask = ReadonlyMap<string, FieldMask>;

type Tree = Map<string, Tree>;

/**
 * Reads a `google.protobuf.FieldMask` in its text form, `cluster.name,last_updated`. Where one path contains another
 * the wider one counts.
 */
export function parseFieldMask(text: string): FieldMask {
  const root: Tree = new Map();
  const whole = new Set<Tree>();
  for (const path of text.split(",")) {
    const names = path.split(".").filter((name) => name !== "");
    if (names.length === 0) continue;
    let at = root;
    let covered = false;
    for (const name of names) {
      covered ||= whole.has(at);
      if (covered) break;
      let next = at.get(name);
      if (next === undefined) at.set(name, next = new Map());
      at = next;
    }
    if (covered) continue;
    at.clear();
    whole.add(at);
  }
  return root;
}

/** The object with only those members that the mask names. */
export function trim(object: JsonObject, mask: FieldMask): JsonObject {
  if (mask.size === 0) return object;
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    const inner = mask.get(name);
    if (inner !== undefined) out[name] = isObject(value) ? trim(value, inner) : value;
  }
  return out;
}

/** Whether each path of the mask names a field; as in Envoy only the last name of a path may be that of a list. */
export function maskFits(message: string, mask: FieldMask): boolean {
  const fields = fieldsOf(message);
  for (const [name, inner] of mask) {
    const field = fields?.[camelCase(name)];
    if (field === undefined) return false;
    if (inner.size > 0 && (field.rule === "repeated" || field.keyType !== undefined || !maskFits(field.type, inner))) {
      return false;
    }
  }
  return true;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function isObject(json: Json): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
