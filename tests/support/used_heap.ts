import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Bytes of heap in use after full collections. Between them the event loop turns: finalizers and closing sockets let go
 * of more. `gc` exists only in contexts made after the flag was set, hence the new one.
 */
export async function usedHeap(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  collect();
  return Deno.memoryUsage().heapUsed;
}
