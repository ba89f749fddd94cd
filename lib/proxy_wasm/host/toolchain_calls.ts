import type { HostGroup } from "./host_group.ts";

/** What old toolchains expect of any host, beside Proxy-Wasm and WASI. */
export const toolchainCalls: HostGroup = () => ({
  emscripten_notify_memory_growth: () => {},
  pthread_equal: (left: number, right: number) => left === right ? 1 : 0,
});
