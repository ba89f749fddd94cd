import { Status } from "../abi.ts";
import type { HostGroup } from "./host_group.ts";

/** Configurations, as ABI 0.1.0 asks for them. Later versions read buffers. */
export const configurationCalls: HostGroup = (vm) => ({
  proxy_get_configuration(dataOut: number, sizeOut: number) {
    const { context } = vm;
    if (context === null) return Status.INTERNAL_FAILURE;
    return vm.memory.giveBytes(context.root.legacyConfiguration, dataOut, sizeOut);
  },
});
