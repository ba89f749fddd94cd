import type { Bootstrap } from "../../bootstrap/bootstrap.ts";
import { MeshError } from "../../errors.ts";
import type { Clock } from "../../internal/clock.ts";
import type { Random } from "../../internal/random.ts";
import type { Snapshot } from "../../resource/snapshot.ts";
import { type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";
import { joinQuietly } from "../join_quietly.ts";

/** Joins as a workload does, without listening anywhere, and leaves again. */
export async function checkConfiguration(
  bootstrap: Bootstrap,
  options: { clock: Clock; random: Random; timeoutMs: number },
): Promise<{ snapshot: Snapshot | null; results: readonly CheckResult[] }> {
  const warnings: string[] = [];
  try {
    const received = await joinQuietly(bootstrap, { ...options, warnings }, ({ store }) => store.current);
    return { snapshot: received, results: [judge(received, warnings)] };
  } catch (error) {
    const [found, ...rest] = failures("configuration", error);
    // What ends the wait says nothing of what was waited for; the log does.
    const last = error instanceof MeshError && error.problems.length > 0 ? undefined : warnings.at(-1);
    const first = last === undefined ? found! : { ...found!, message: `${found!.message}: ${gist(last)}` };
    return { snapshot: null, results: [first, ...rest] };
  }
}

/** The first two lines: what is wrong and why. */
function gist(text: string): string {
  return text.split("\n").slice(0, 2).map((line) => line.replace(/^\s*-\s+/, "")).join(" ");
}

function judge(snapshot: Snapshot, warnings: readonly string[]): CheckResult {
  const { clusterNames, listenerNames, routeNames } = snapshot;
  const endpoints = clusterNames.reduce((sum, name) => sum + countEndpoints(snapshot, name), 0);
  const counts = `${listenerNames.length} listeners, ${routeNames.length} routes, ${clusterNames.length} clusters, ` +
    `${endpoints} endpoints`;
  const [first] = warnings;
  return first === undefined
    ? result("configuration", "ok", `Received ${counts}`)
    : result("configuration", "warning", `Received ${counts}, with ${warnings.length} warnings: ${first}`);
}

function countEndpoints(snapshot: Snapshot, cluster: string): number {
  const name = snapshot.cluster(cluster)?.edsServiceName;
  const assignment = name ? snapshot.endpoints(name) : null;
  return assignment?.localities.reduce((sum, { endpoints }) => sum + endpoints.length, 0) ?? 0;
}
