import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/**
 * Collects garbage until a condition holds, which finalisers may have to make true; at most 50 times.
 *
 * @param done The condition. @default {one collection}
 */
export async function collectGarbage(done: () => boolean = () => true): Promise<void> {
  for (let i = 0; i < 50; i++) {
    // What the condition has looked at lives until the end of its task; finalisers run as tasks of their own.
    await new Promise((resolve) => setTimeout(resolve));
    collect();
    await new Promise((resolve) => setTimeout(resolve));
    if (done()) return;
  }
}
