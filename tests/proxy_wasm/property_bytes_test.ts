import assert from "node:assert/strict";
import { encodeProperty } from "../../lib/proxy_wasm/property_bytes.ts";
import type { PropertyValue } from "../../lib/proxy_wasm/property_value.ts";
import { jsonProperty } from "../../lib/proxy_wasm/properties/json_property.ts";

const TABLE: readonly (readonly [PropertyValue, readonly number[]])[] = [
  ["a\xff", [97, 255]],
  ["", []],
  [1, [1, 0, 0, 0, 0, 0, 0, 0]],
  [-1, [255, 255, 255, 255, 255, 255, 255, 255]],
  [0x0102_0304n, [4, 3, 2, 1, 0, 0, 0, 0]],
  [true, [1]],
  [false, [0]],
  [Uint8Array.of(1, 2), [1, 2]],
  [{ kind: "double", value: 1.5 }, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]],
  [{ kind: "list", items: [] }, [0, 0, 0, 0]],
  [{ kind: "list", items: ["a"] }, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 97, 0, 0]],
  [jsonProperty({ k: "v" })!, [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 107, 0, 118, 0]],
];

Deno.test("properties are written as Envoy writes them", () => {
  for (const [value, bytes] of TABLE) assert.deepEqual([...encodeProperty(value)!], bytes);
});
