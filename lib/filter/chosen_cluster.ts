import type { Call } from "../http/call.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { FilterContext } from "./http_filter.ts";

/** The cluster of a call: the one in use, else the one the chosen route names, as it is configured now. */
export function chosenCluster(call: Call, context: FilterContext): Cluster | null {
  if (call.cluster !== null) return call.cluster;
  const name = call.chosen?.clusterName ?? null;
  return name === null ? null : context.cluster?.(name) ?? null;
}
