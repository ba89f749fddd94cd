import { MapType, Status, type StatusCode } from "../abi.ts";
import { GUEST_LIMITS } from "../guest_limits.ts";
import { decodePairs, encodePairs, pairsSize } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** Headers, trailers and metadata: the maps of `MapType`. */
export const headerCalls: HostGroup = (vm) => {
  const { memory } = vm;
  return {
    proxy_get_header_map_value(type: number, key: number, keySize: number, valueOut: number, sizeOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const map = context.headerMap(type);
      if (map === null) {
        const status = context.missingMapStatus;
        // In the first version what is missing is empty.
        return status === Status.NOT_FOUND && vm.abi === "0.1.0" ? memory.giveText("", valueOut, sizeOut) : status;
      }
      if (!isShort(keySize)) return Status.BAD_ARGUMENT;
      const name = memory.name(key, keySize);
      if (name === null) return Status.INVALID_MEMORY_ACCESS;
      const value = map.get(name);
      if (value === undefined) return vm.abi === "0.1.0" ? memory.giveText("", valueOut, sizeOut) : Status.NOT_FOUND;
      return memory.giveText(value, valueOut, sizeOut);
    },
    proxy_add_header_map_value: (type: number, key: number, keySize: number, value: number, valueSize: number) =>
      change(vm, type, key, keySize, value, valueSize, false),
    proxy_replace_header_map_value: (type: number, key: number, keySize: number, value: number, valueSize: number) =>
      change(vm, type, key, keySize, value, valueSize, true),
    proxy_remove_header_map_value(type: number, key: number, keySize: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const map = context.writableMap(type);
      if (map === null) return Status.BAD_ARGUMENT;
      if (!isShort(keySize)) return Status.BAD_ARGUMENT;
      const name = memory.name(key, keySize);
      if (name === null) return Status.INVALID_MEMORY_ACCESS;
      map.remove(name);
      return Status.OK;
    },
    proxy_get_header_map_pairs(type: number, pairsOut: number, sizeOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      if (type >>> 0 > MapType.HTTP_CALL_RESPONSE_TRAILERS) return Status.BAD_ARGUMENT;
      // What is not at hand is empty here, and no error.
      const pairs = context.headerMap(type)?.pairs() ?? [];
      const size = pairsSize(pairs);
      if (size === 0) return memory.giveText("", pairsOut, sizeOut);
      return memory.giveWith(size, pairsOut, sizeOut, (target) => encodePairs(pairs, target));
    },
    proxy_set_header_map_pairs(type: number, pairs: number, size: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const map = context.writableMap(type);
      if (map === null) return Status.BAD_ARGUMENT;
      const bytes = memory.view(pairs, size);
      if (bytes === null) return Status.INVALID_MEMORY_ACCESS;
      return map.replace(decodePairs(bytes)) ? Status.OK : Status.BAD_ARGUMENT;
    },
    proxy_get_header_map_size(type: number, sizeOut: number) {
      const { context } = vm;
      if (context === null) return Status.INTERNAL_FAILURE;
      const map = context.headerMap(type);
      if (map === null) return Status.BAD_ARGUMENT;
      let size = 0;
      for (const text of map.pairs()) size += text.length;
      return memory.writeU32(sizeOut, size) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    },
  };
};

function change(
  vm: Vm,
  type: number,
  key: number,
  keySize: number,
  value: number,
  valueSize: number,
  replace: boolean,
): StatusCode {
  const { context, memory } = vm;
  if (context === null) return Status.INTERNAL_FAILURE;
  const map = context.writableMap(type);
  if (map === null) return Status.BAD_ARGUMENT;
  if (!isShort(keySize) || !isShort(valueSize)) return Status.BAD_ARGUMENT;
  const name = memory.name(key, keySize);
  const text = memory.text(value, valueSize);
  if (name === null || text === null) return Status.INVALID_MEMORY_ACCESS;
  return (replace ? map.set(name, text) : map.add(name, text)) ? Status.OK : Status.BAD_ARGUMENT;
}

function isShort(size: number): boolean {
  return size >>> 0 <= GUEST_LIMITS.headerBytes;
}
