import { MAGLEV, policy, RING } from "./clusters.ts";
import { Packed } from "./dual.ts";

const UNKNOWN = {
  typedExtensionConfig: { name: "example.unknown", typedConfig: new Packed("google.protobuf.BoolValue", {}) },
};
const first = (name: string, message: object) => (policy(name, message) as { policies: object[] }).policies[0]!;
/** Settings that Envoy takes or refuses. */
export const JUDGED: Record<string, object> = {
  "a policy after an unknown one": { loadBalancingPolicy: { policies: [UNKNOWN, first("round_robin", {})] } },
  "only an unknown policy": { loadBalancingPolicy: { policies: [UNKNOWN] } },
  "no policy": { loadBalancingPolicy: { policies: [] } },
  "LOAD_BALANCING_POLICY_CONFIG alone": { lbPolicy: "LOAD_BALANCING_POLICY_CONFIG" },
  "a policy beside lb_policy": { lbPolicy: "RING_HASH", loadBalancingPolicy: policy("random", {}) },
  "a policy beside subsets": {
    loadBalancingPolicy: policy("random", {}),
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a"] }] },
  },
  "CLUSTER_PROVIDED of endpoints": { lbPolicy: "CLUSTER_PROVIDED" },
  "a ring with more at least than at most": {
    ...RING,
    ringHashLbConfig: { minimumRingSize: { value: 20 }, maximumRingSize: { value: 10 } },
  },
  "a policy's ring of no size": { loadBalancingPolicy: policy("ring_hash", { minimumRingSize: { value: 0 } }) },
  "a policy of one choice": { loadBalancingPolicy: policy("least_request", { choiceCount: { value: 1 } }) },
  "a policy's balance factor too small": {
    loadBalancingPolicy: policy("ring_hash", { consistentHashingLbConfig: { hashBalanceFactor: { value: 50 } } }),
  },
  "a policy's ring too large": { loadBalancingPolicy: policy("ring_hash", { maximumRingSize: { value: 8388609 } }) },
  "a policy's ring with more at least than at most": {
    loadBalancingPolicy: policy("ring_hash", { minimumRingSize: { value: 20 }, maximumRingSize: { value: 10 } }),
  },
  "a policy's table that is not prime": { loadBalancingPolicy: policy("maglev", { tableSize: { value: 100 } }) },
  "a policy's percentage above 100": {
    loadBalancingPolicy: policy("round_robin", {
      localityLbConfig: { zoneAwareLbConfig: { routingEnabled: { value: 101 } } },
    }),
  },
  "a locality policy of another than weighted round robin": {
    loadBalancingPolicy: policy("wrr_locality", { endpointPickingPolicy: policy("round_robin", {}) }),
  },
  "a locality policy": {
    loadBalancingPolicy: policy("wrr_locality", {
      endpointPickingPolicy: policy("client_side_weighted_round_robin", {}),
    }),
  },
  "a ring too large": { ...RING, ringHashLbConfig: { maximumRingSize: { value: 8388609 } } },
  "a table that is not prime": { ...MAGLEV, maglevLbConfig: { tableSize: { value: 100 } } },
  "one choice": { lbPolicy: "LEAST_REQUEST", leastRequestLbConfig: { choiceCount: { value: 1 } } },
  "a balance factor too small": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: { value: 99 } } },
  },
  "a balance factor": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: { value: 150 } } },
  },
  "host names of static endpoints": {
    ...RING,
    commonLbConfig: { consistentHashingLbConfig: { useHostnameForHashing: true } },
  },
  "slow start": { roundRobinLbConfig: { slowStartConfig: { slowStartWindow: { seconds: 10 } } } },
  "fallback keys that are all keys": {
    lbSubsetConfig: {
      subsetSelectors: [{ keys: ["a", "b"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["a", "b"] }],
    },
  },
  "fallback keys that are no keys": {
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["b"] }] },
  },
  "fallback keys without their policy": {
    lbSubsetConfig: { subsetSelectors: [{ keys: ["a", "b"], fallbackKeysSubset: ["a"] }] },
  },
  "subsets of a policy": {
    loadBalancingPolicy: policy("subset", {
      subsetSelectors: [{ keys: ["a"] }],
      subsetLbPolicy: policy("round_robin", {}),
    }),
  },
  "an empty locality policy": { loadBalancingPolicy: policy("round_robin", { localityLbConfig: {} }) },
  "override_host without sources": {
    loadBalancingPolicy: policy("override_host", { fallbackPolicy: policy("round_robin", {}) }),
  },
  "override_host": {
    loadBalancingPolicy: policy("override_host", {
      overrideHostSources: [{ header: "x-host" }],
      fallbackPolicy: policy("round_robin", {}),
    }),
  },
};

/** Envoy does not check the bounds its interface declares for these; enmesh does, and refuses what makes no sense. */
export const STRICTER = new Set([
  "a policy of one choice",
  "a policy's balance factor too small",
  "a policy's ring too large",
  "a policy's percentage above 100",
]);
