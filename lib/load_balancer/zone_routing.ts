import { type Random, randomInt } from "../internal/random.ts";
import type { ZoneAware } from "../resource/load_balancing.ts";
import type { Host } from "./host.ts";
import type { PriorityGroup } from "./host_set.ts";

/** The callers' own cluster (Envoy's local cluster): how many of them there are in each locality. */
export interface LocalCluster {
  /** The locality of this caller, by name. */
  readonly own: string;
  /** Those that have any. */
  readonly localities: readonly { readonly name: string; readonly total: number; readonly healthy: number }[];
}

/** Where requests of one priority go: all to the own locality, or a part of them, the others where there is room. */
export type ZoneRoute =
  | { readonly kind: "direct" }
  | {
    readonly kind: "residual";
    /** Of 10,000 requests, those that stay. */
    readonly stay: number;
    /** Running sums of the room of each locality. */
    readonly room: readonly number[];
  };

const DEFAULTS: ZoneAware = { routingEnabledPercent: 100, minClusterSize: 6, failTrafficOnPanic: false };

/**
 * Plans zone-aware routing as Envoy does (`ZoneAwareLoadBalancerBase`), in which every zone of callers sends what its
 * share of the endpoints can take to its own zone. `null` where it does not apply: localities are ignored then.
 *
 * @param group The hosts of priority 0; other priorities know no zones.
 * @param settings The cluster's; `null` for Envoy's defaults.
 */
export function planZoneRoute<H extends Host>(
  group: PriorityGroup<H>,
  local: LocalCluster,
  settings: ZoneAware | null,
): ZoneRoute | null {
  const { minClusterSize } = settings ?? DEFAULTS;
  const upstream = group.localities;
  const mine = local.localities.find(({ name }) => name === local.own);
  if (upstream.length < 2 || local.localities.length < 2) return null;
  if (mine === undefined || mine.healthy === 0 || group.healthy.length < minClusterSize) return null;
  const callers = local.localities.reduce((sum, { healthy }) => sum + healthy, 0);
  const total = upstream.reduce((sum, { healthy }) => sum + healthy.length, 0);
  const shares = upstream.map(({ name, healthy }) => {
    const count = local.localities.find((locality) => locality.name === name)?.healthy ?? 0;
    return healthy.length === 0 ? { caller: 0, host: 0 } : {
      caller: callers === 0 ? 0 : Math.floor(10_000 * count / callers),
      host: total === 0 ? 0 : Math.floor(10_000 * healthy.length / total),
    };
  });
  const near = upstream[0]!.name === local.own;
  const first = shares[0]!;
  if (near && first.host > 0 && first.host >= first.caller) return { kind: "direct" };
  let sum = 0;
  const room = shares.map(({ caller, host }, index) => {
    if (!(near && index === 0)) sum += Math.max(0, host - caller);
    return sum;
  });
  return {
    kind: "residual",
    stay: near && first.caller > 0 ? Math.floor(first.host * 10_000 / first.caller) : 0,
    room,
  };
}

/** The locality for one request, as an index. */
export function chooseZone(route: ZoneRoute, random: Random): number {
  if (route.kind === "direct" || randomInt(random, 10_000) < route.stay) return 0;
  const { room } = route;
  const total = room[room.length - 1]!;
  if (total === 0) return randomInt(random, room.length);
  const at = randomInt(random, total);
  return room.findIndex((upTo) => at < upTo);
}
