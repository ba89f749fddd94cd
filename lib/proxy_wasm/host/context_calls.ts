import { Status } from "../abi.ts";
import type { HostGroup } from "./host_group.ts";

/** Which context host functions act on, and the end of a root that was put off. */
export const contextCalls: HostGroup = (vm) => ({
  proxy_set_effective_context: (id: number) => vm.setEffective(id >>> 0) ? Status.OK : Status.BAD_ARGUMENT,
  proxy_done: () => vm.context?.done() ?? Status.INTERNAL_FAILURE,
});
