import { Status } from "../abi.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import { decodeLatin1 } from "../latin1.ts";
import { encodeProperty } from "../property_bytes.ts";
import type { HostGroup } from "./host_group.ts";

/** Properties: what is known of request, connection, node and plugin, and what modules leave for each other. */
export const propertyCalls: HostGroup = (vm) => {
  const { memory } = vm;
  return {
    proxy_get_property(path: number, pathSize: number, valueOut: number, sizeOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      if (pathSize >>> 0 > GUEST_LIMITS.propertyPathBytes) return Status.BAD_ARGUMENT;
      const bytes = memory.view(path, pathSize);
      if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
      const value = context.property(pathOf(bytes));
      if (value === undefined) return Status.NOT_FOUND;
      if (typeof value === "string") return memory.giveText(value, valueOut, sizeOut);
      const encoded = encodeProperty(value);
      return encoded === null ? Status.SERIALIZATION_FAILURE : memory.giveBytes(encoded, valueOut, sizeOut);
    },
    proxy_set_property(path: number, pathSize: number, value: number, valueSize: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      if (pathSize >>> 0 > GUEST_LIMITS.propertyPathBytes || valueSize >>> 0 > GUEST_LIMITS.propertyBytes) {
        return Status.BAD_ARGUMENT;
      }
      const name = memory.text(path, pathSize);
      const bytes = memory.copy(value, valueSize);
      if (name === null || bytes === null) return Status.INVALID_MEMORY_ACCESS;
      if (++context.properties > GUEST_LIMITS.properties) return Status.BAD_ARGUMENT;
      return context.setProperty(name, bytes);
    },
  };
};

/** The parts of a path, which NUL joins; some SDKs end it with one too. */
function pathOf(bytes: Uint8Array): string[] {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  return decodeLatin1(bytes, 0, end).split("\0");
}
