import type { FakeIstiod } from "../../../lib/testing/mod.ts";
import { freePort } from "../../interop/envoy.ts";
import { benchWorkload, startProgram } from "./path.ts";

/** A `mesh.serve` in a process of its own that tells what its heap holds. */
export interface HeapTarget extends AsyncDisposable {
  readonly port: number;
  /** MiB of heap in use after collection. */
  heap(): Promise<number>;
}

/** Starts one. */
export async function startHeapTarget(istiod: FakeIstiod): Promise<HeapTarget> {
  const port = freePort();
  const server = startProgram("garbage_target.ts", [String(port)], {
    ENMESH_BENCH_JOIN: JSON.stringify(await benchWorkload(istiod, "target")),
  });
  await server.line();
  return {
    port,
    async heap() {
      await server.send("heap");
      return Number(await server.line());
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
