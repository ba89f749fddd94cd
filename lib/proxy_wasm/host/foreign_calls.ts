import type { HostGroup } from "./host_group.ts";

/** Not offered yet: calls answer `UNIMPLEMENTED`. */
export const foreignCalls: HostGroup = () => ({});
