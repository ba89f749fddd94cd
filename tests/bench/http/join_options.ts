import type { JoinOptions } from "../../../mod.ts";

/** Options of a bench workload, handed over by the bench in one environment variable. */
export function joinOptions(): JoinOptions {
  return JSON.parse(Deno.env.get("ENMESH_BENCH_JOIN")!) as JoinOptions;
}
