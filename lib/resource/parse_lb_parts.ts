/**
 * Parts of load balancing that a cluster's own fields and the policies of `load_balancing_policy` have in common; their
 * messages have other names and the same fields.
 *
 * @module
 */
import type {
  EnumValue,
  EnvoyConfigCoreV3RuntimeDouble,
  EnvoyTypeV3Percent,
  GoogleProtobufDuration,
} from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import type { LoadBalancing, ZoneAware } from "./load_balancing.ts";
import { parseDuration, parseEnum, parseNumber, parsePercent, type Wrapper } from "./parse_common.ts";

const HASH_FUNCTIONS = { DEFAULT_HASH: "xx_hash", XX_HASH: "xx_hash", MURMUR_HASH_2: "murmur_hash_2" } as const;
const MAX_RING_SIZE = 8_388_608;
const MAX_MAGLEV_TABLE_SIZE = 5_000_011;

interface RingMessage {
  minimumRingSize?: Wrapper<number>;
  maximumRingSize?: Wrapper<number>;
  hashFunction?: EnumValue;
}

/** Size and hash function of a ring. */
export function parseRing(
  issues: Issues,
  path: string,
  ring: RingMessage,
): Pick<LoadBalancing, "ringMinimumSize" | "ringMaximumSize" | "ringHashFunction"> {
  const bounds = { max: MAX_RING_SIZE };
  const least = parseNumber(issues, `${path}.minimum_ring_size`, ring.minimumRingSize, 1024, bounds);
  const most = parseNumber(issues, `${path}.maximum_ring_size`, ring.maximumRingSize, MAX_RING_SIZE, {
    max: MAX_RING_SIZE,
  });
  if (least > most) issues.invalid(`${path}.minimum_ring_size`, "it must not be above the maximum", least);
  return {
    ringMinimumSize: least,
    ringMaximumSize: most,
    ringHashFunction: parseEnum(issues, `${path}.hash_function`, ring.hashFunction, HASH_FUNCTIONS, "xx_hash"),
  };
}

/** Size of a Maglev table. */
export function parseMaglev(
  issues: Issues,
  path: string,
  maglev: { tableSize?: Wrapper<number> } | undefined,
): Pick<LoadBalancing, "maglevTableSize"> {
  const at = `${path}.table_size`;
  const size = parseNumber(issues, at, maglev?.tableSize, 65_537, { max: MAX_MAGLEV_TABLE_SIZE });
  if (size <= MAX_MAGLEV_TABLE_SIZE && !isPrime(size)) issues.invalid(at, "it must be a prime number", size);
  return { maglevTableSize: size };
}

function isPrime(value: number): boolean {
  if (value < 2 || !Number.isInteger(value)) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

/** What is hashed of a host, and how much it may be loaded. */
export function parseHashing(
  issues: Issues,
  path: string,
  hashing: { useHostnameForHashing?: boolean; hashBalanceFactor?: Wrapper<number> } | undefined,
): Pick<LoadBalancing, "useHostnameForHashing" | "hashBalanceFactor"> {
  return {
    useHostnameForHashing: hashing?.useHostnameForHashing ?? false,
    hashBalanceFactor: parseNumber(issues, `${path}.hash_balance_factor`, hashing?.hashBalanceFactor, 0, {
      min: 100,
      max: 0xffffffff,
    }),
  };
}

/** Choices and bias of the policy of the fewest requests. */
export function parseLeastRequest(
  issues: Issues,
  path: string,
  config: { choiceCount?: Wrapper<number>; activeRequestBias?: EnvoyConfigCoreV3RuntimeDouble },
): Pick<LoadBalancing, "choiceCount" | "activeRequestBias"> {
  const bias = config.activeRequestBias?.defaultValue ?? (config.activeRequestBias === undefined ? 1 : 0);
  // Envoy takes a negative one for 1 at run time, and says so in its log.
  return {
    choiceCount: parseNumber(issues, `${path}.choice_count`, config.choiceCount, 2, { min: 2, max: 0xffffffff }),
    activeRequestBias: bias >= 0 ? bias : 1,
  };
}

interface SlowStartMessage {
  slowStartWindow?: GoogleProtobufDuration;
  aggression?: EnvoyConfigCoreV3RuntimeDouble;
  minWeightPercent?: EnvoyTypeV3Percent;
}

/** How new hosts are warmed up. */
export function parseSlowStart(
  issues: Issues,
  path: string,
  config: SlowStartMessage | undefined,
): Pick<LoadBalancing, "slowStartWindowMs" | "slowStartAggression" | "slowStartMinWeightPercent"> {
  const aggression = config?.aggression?.defaultValue ?? 1;
  if (!(aggression > 0)) issues.invalid(`${path}.aggression`, "it must be above 0", aggression);
  return {
    slowStartWindowMs: parseDuration(issues, `${path}.slow_start_window`, config?.slowStartWindow, 0),
    slowStartAggression: aggression,
    slowStartMinWeightPercent: parsePercent(issues, `${path}.min_weight_percent`, config?.minWeightPercent, 10),
  };
}

interface ZoneAwareMessage {
  routingEnabled?: EnvoyTypeV3Percent;
  minClusterSize?: Wrapper<number>;
  failTrafficOnPanic?: boolean;
}

/** Preference of the own zone. */
export function parseZoneAware(issues: Issues, path: string, zone: ZoneAwareMessage | undefined): ZoneAware | null {
  if (zone === undefined) return null;
  return {
    // Envoy rounds it to a whole number.
    routingEnabledPercent: Math.round(parsePercent(issues, `${path}.routing_enabled`, zone.routingEnabled, 100)),
    minClusterSize: parseNumber(issues, `${path}.min_cluster_size`, zone.minClusterSize, 6),
    failTrafficOnPanic: zone.failTrafficOnPanic ?? false,
  };
}
