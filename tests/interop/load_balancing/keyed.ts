import { BY_LOCALITY, endpoints, flat, MAGLEV, policy, RING, type TestLocality } from "./clusters.ts";

const weighted = (backend: number) => ({ weight: 1 + backend * 3 % 7 });
const places = (weights: readonly (number | undefined)[]): TestLocality[] =>
  weights.map((weight, index) => ({
    zone: `z${(index * 2) % 3}`,
    ...(weight === undefined ? {} : { weight }),
    endpoints: endpoints(
      3 + index,
      (backend) => backend === 1 ? { health: "UNHEALTHY" } : { weight: 1 + backend % 3 },
      index * 6,
    ),
  }));

/** Clusters in which every key has one right endpoint. */
export const KEYED: Record<string, { localities: TestLocality[]; settings: object }> = {
  "ring, 7 endpoints": { localities: flat(7), settings: RING },
  "ring, one endpoint": { localities: flat(1), settings: RING },
  "ring, 7 endpoints, Murmur": {
    localities: flat(7),
    settings: { ...RING, ringHashLbConfig: { hashFunction: "MURMUR_HASH_2" } },
  },
  "ring, 20 endpoints with weights": { localities: flat(20, weighted), settings: RING },
  "ring, 20 endpoints with weights, Murmur": {
    localities: flat(20, weighted),
    settings: { ...RING, ringHashLbConfig: { hashFunction: "MURMUR_HASH_2", minimumRingSize: { value: 3000 } } },
  },
  "ring, bounded size": {
    localities: flat(20, weighted),
    settings: { ...RING, ringHashLbConfig: { minimumRingSize: { value: 30 }, maximumRingSize: { value: 50 } } },
  },
  "ring, keys from metadata": {
    localities: flat(7, (backend) => backend < 5 ? { labels: { hash_key: `pod-${backend}` } } : {}),
    settings: RING,
  },
  "ring, weights of localities": { localities: places([3, 1, 2]), settings: { ...RING, commonLbConfig: BY_LOCALITY } },
  "ring, a locality without weight": {
    localities: places([3, undefined, 2]),
    settings: { ...RING, commonLbConfig: BY_LOCALITY },
  },
  "ring, no locality has a weight": {
    localities: places([undefined, undefined, undefined]),
    settings: { ...RING, commonLbConfig: BY_LOCALITY },
  },
  "ring, localities ignored": { localities: places([3, 1, 2]), settings: RING },
  "ring, priorities": {
    localities: [
      { priority: 0, endpoints: endpoints(4, (backend) => backend < 2 ? { health: "UNHEALTHY" } : {}) },
      { priority: 1, endpoints: endpoints(4, (backend) => backend === 4 ? { health: "DEGRADED" } : {}, 4) },
      { priority: 2, endpoints: endpoints(4, () => ({}), 8) },
    ],
    settings: RING,
  },
  "ring, only degraded endpoints": { localities: flat(3, () => ({ health: "DEGRADED" })), settings: RING },
  "ring, all statuses": {
    localities: flat(6, (backend) => ({
      health: ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"][backend]!,
    })),
    settings: { ...RING, commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
  },
  "ring, panic": {
    localities: flat(7, (backend) => backend > 1 ? { health: "UNHEALTHY" } : {}),
    settings: RING,
  },
  "ring, no panic": {
    localities: flat(7, (backend) => backend > 1 ? { health: "UNHEALTHY" } : {}),
    settings: { ...RING, commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
  },
  "maglev, 7 endpoints": { localities: flat(7), settings: MAGLEV },
  "maglev, 20 endpoints with weights": { localities: flat(20, weighted), settings: MAGLEV },
  "maglev, small table": {
    localities: flat(20, weighted),
    settings: { ...MAGLEV, maglevLbConfig: { tableSize: { value: 251 } } },
  },
  "maglev, keys from metadata": {
    localities: flat(7, (backend) => ({ labels: { hash_key: `pod-${6 - backend}` } })),
    settings: MAGLEV,
  },
  "maglev, weights of localities": {
    localities: places([3, 1, 2]),
    settings: { ...MAGLEV, commonLbConfig: BY_LOCALITY },
  },
  "maglev, total panic over priorities": {
    localities: [
      { priority: 0, endpoints: endpoints(3, () => ({ health: "UNHEALTHY" })) },
      { priority: 1, endpoints: endpoints(6, () => ({ health: "UNHEALTHY" }), 3) },
    ],
    settings: MAGLEV,
  },
  "policy ring_hash": {
    localities: flat(7, weighted),
    settings: {
      loadBalancingPolicy: policy("ring_hash", {
        hashFunction: "MURMUR_HASH_2",
        minimumRingSize: { value: 500 },
        maximumRingSize: { value: 2000 },
      }),
    },
  },
  "policy ring_hash, localities": {
    localities: places([3, 1, 2]),
    settings: { loadBalancingPolicy: policy("ring_hash", { localityWeightedLbConfig: {} }) },
  },
  "policy maglev": {
    localities: flat(7, weighted),
    settings: { loadBalancingPolicy: policy("maglev", { tableSize: { value: 1009 } }) },
  },
};
