import { BY_LOCALITY, endpoints, flat, policy, type TestLocality } from "./clusters.ts";

/** Clusters in which endpoints have shares; backends not named have none. */
export const SHARED: Record<
  string,
  { localities: TestLocality[]; settings: object; shares: number[]; exact?: boolean }
> = {
  "round robin": { localities: flat(5), settings: {}, shares: [1, 1, 1, 1, 1], exact: true },
  "round robin with weights": {
    localities: flat(4, (backend) => ({ weight: [1, 2, 5, 2][backend]! })),
    settings: { lbPolicy: "ROUND_ROBIN" },
    shares: [1, 2, 5, 2],
    exact: true,
  },
  "policy round_robin": {
    localities: flat(3, (backend) => ({ weight: backend + 1 })),
    settings: { loadBalancingPolicy: policy("round_robin", {}) },
    shares: [1, 2, 3],
    exact: true,
  },
  "random knows no weights": {
    localities: flat(4, (backend) => ({ weight: 1 + backend })),
    settings: { lbPolicy: "RANDOM" },
    shares: [1, 1, 1, 1],
  },
  "least request, idle": { localities: flat(4), settings: { lbPolicy: "LEAST_REQUEST" }, shares: [1, 1, 1, 1] },
  "least request with weights, idle": {
    localities: flat(3, (backend) => ({ weight: [1, 2, 7][backend]! })),
    settings: { lbPolicy: "LEAST_REQUEST" },
    shares: [1, 2, 7],
    exact: true,
  },
  "policy least_request, full scan": {
    localities: flat(4),
    settings: { loadBalancingPolicy: policy("least_request", { selectionMethod: "FULL_SCAN" }) },
    shares: [1, 1, 1, 1],
  },
  "a priority spills over": {
    localities: [
      { priority: 0, endpoints: endpoints(4, (backend) => backend < 2 ? { health: "UNHEALTHY" } : {}) },
      { priority: 1, endpoints: endpoints(2, () => ({}), 4) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN" },
    // 140 % of a half is 70 %.
    shares: [0, 0, 35, 35, 15, 15],
  },
  "degraded endpoints take what is left": {
    localities: flat(
      5,
      (backend) => ({ health: ["HEALTHY", "DEGRADED", "UNHEALTHY", "UNHEALTHY", "DEGRADED"][backend]! }),
    ),
    settings: { lbPolicy: "RANDOM", commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
    // 28 of 84 % are healthy, rounded down, and the rest of the rounding; 56 of 84 are degraded.
    shares: [34, 33, 0, 0, 33],
  },
  "panic ignores health": {
    localities: flat(4, (backend) => backend > 0 ? { health: "UNHEALTHY" } : {}),
    settings: { lbPolicy: "ROUND_ROBIN" },
    shares: [1, 1, 1, 1],
    exact: true,
  },
  "localities by weight": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN", commonLbConfig: BY_LOCALITY },
    shares: [3, 3, 1, 1],
    exact: true,
  },
  "policy wrr_locality": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: {
      loadBalancingPolicy: policy("wrr_locality", {
        endpointPickingPolicy: policy("client_side_weighted_round_robin", {}),
      }),
    },
    shares: [3, 3, 1, 1],
    exact: true,
  },
  "policy random by locality": {
    localities: [
      { zone: "a", weight: 3, endpoints: endpoints(2) },
      { zone: "b", weight: 1, endpoints: endpoints(2, () => ({}), 2) },
    ],
    settings: { loadBalancingPolicy: policy("random", { localityLbConfig: BY_LOCALITY }) },
    shares: [3, 3, 1, 1],
  },
  "a locality that lost endpoints": {
    localities: [
      { zone: "a", weight: 1, endpoints: endpoints(2, (backend) => backend === 1 ? { health: "UNHEALTHY" } : {}) },
      { zone: "b", weight: 1, endpoints: endpoints(1, () => ({}), 2) },
    ],
    settings: { lbPolicy: "ROUND_ROBIN", commonLbConfig: BY_LOCALITY },
    // 0.7 against 1.
    shares: [7, 0, 10],
  },
};
