import { Status } from "../abi.ts";
import type { HostGroup } from "./host_group.ts";

/** Data that VMs of the same id share, with compare-and-swap. */
export const sharedDataCalls: HostGroup = (vm) => {
  const { memory, config } = vm;
  return {
    proxy_get_shared_data(key: number, keySize: number, valueOut: number, sizeOut: number, casOut: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const name = memory.text(key, keySize);
      if (name === null || !memory.contains(casOut, 4)) return Status.INVALID_MEMORY_ACCESS;
      const found = vm.host.sharedData.get(config.vmId, name);
      if (found === null) return Status.NOT_FOUND;
      const status = memory.giveBytes(found.value, valueOut, sizeOut);
      if (status !== Status.OK) return status;
      return memory.writeU32(casOut, found.cas) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    },
    proxy_set_shared_data(key: number, keySize: number, value: number, valueSize: number, cas: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const name = memory.text(key, keySize);
      const bytes = memory.copy(value, valueSize);
      if (name === null || bytes === null) return Status.INVALID_MEMORY_ACCESS;
      switch (vm.host.sharedData.set(config.vmId, name, bytes, cas >>> 0)) {
        case "set":
          return Status.OK;
        case "mismatch":
          return Status.CAS_MISMATCH;
        case "full":
          return Status.INTERNAL_FAILURE;
      }
    },
  };
};
