import { encodeLatin1 } from "./latin1.ts";
import { encodePairs, pairsSize } from "./pairs.ts";
import type { PropertyValue } from "./property_value.ts";

/**
 * A property as modules read it: text and bytes as they are, numbers as 8 bytes, a boolean as one, maps and lists as the
 * pairs of a header map (a list has its items as keys and no values). `null` where a node cannot be written.
 *
 * @see Envoy `serializeValue` in `source/extensions/common/wasm/context.cc`.
 */
export function encodeProperty(value: PropertyValue): Uint8Array | null {
  switch (typeof value) {
    case "string":
      return latin1(value);
    case "number":
      return int64(BigInt(Math.trunc(value)));
    case "bigint":
      return int64(value);
    case "boolean":
      return Uint8Array.of(value ? 1 : 0);
  }
  if (value instanceof Uint8Array) return value;
  switch (value.kind) {
    case "double": {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setFloat64(0, value.value, true);
      return bytes;
    }
    case "list":
      return pairs(value.items.map((item) => [item, ""] as const));
    case "map": {
      const entries = value.entries();
      return entries === null ? null : pairs(entries);
    }
  }
}

function pairs(entries: Iterable<readonly [PropertyValue, PropertyValue]>): Uint8Array | null {
  const flat: string[] = [];
  for (const entry of entries) {
    for (const part of entry) {
      const text = textOf(part);
      if (text === null) return null;
      flat.push(text);
    }
  }
  // An empty list is its count alone here, unlike an empty header map.
  if (flat.length === 0) return new Uint8Array(4);
  const bytes = new Uint8Array(pairsSize(flat));
  encodePairs(flat, bytes);
  return bytes;
}

function textOf(value: PropertyValue): string | null {
  if (typeof value === "string") return value;
  const bytes = encodeProperty(value);
  if (bytes === null) return null;
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  encodeLatin1(text, bytes, 0);
  return bytes;
}

function int64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
  return bytes;
}
