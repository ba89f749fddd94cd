import assert from "node:assert/strict";
import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigClusterV3LoadBalancingPolicyPolicy,
} from "../../lib/protobuf/gen/messages.ts";
import { type MessageName, packAny } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";
import { Issues } from "../../lib/resource/issues.ts";
import { parseLoadBalancing } from "../../lib/resource/parse_load_balancing.ts";

const P = "envoy.extensions.load_balancing_policies.";

function policy<N extends MessageName>(
  name: N,
  message: Parameters<typeof packAny<N>>[1],
): EnvoyConfigClusterV3LoadBalancingPolicyPolicy {
  return { typedExtensionConfig: { name, typedConfig: packAny(name, message) } };
}

function parse(cluster: EnvoyConfigClusterV3Cluster) {
  const issues = new Issues();
  const value = parseLoadBalancing(issues, cluster);
  return { value, errors: issues.errors, unsupported: issues.unsupported.map(({ what }) => what) };
}

function parsePolicies(...policies: EnvoyConfigClusterV3LoadBalancingPolicyPolicy[]) {
  return parse({ lbPolicy: "LOAD_BALANCING_POLICY_CONFIG", loadBalancingPolicy: { policies } });
}

const ROUND_ROBIN = policy(`${P}round_robin.v3.RoundRobin`, {});
const UNKNOWN = policy("google.protobuf.BoolValue", {});

Deno.test("Of a list of policies the first known one is used", () => {
  const { value, errors, unsupported } = parsePolicies(
    UNKNOWN,
    policy(`${P}random.v3.Random`, {}),
    ROUND_ROBIN,
  );
  assert.equal(value.policy, "random");
  assert.deepEqual(errors, []);
  assert.deepEqual(unsupported, []);
});

Deno.test("A list without a known policy is refused, and one of Envoy's that is not supported is reported", () => {
  assert.deepEqual(parsePolicies(UNKNOWN).errors, [
    "Cannot use 'load_balancing_policy.policies': none of its policies is known, current value is " +
    "'google.protobuf.BoolValue'",
  ]);
  const foreign = { typeUrl: `type.googleapis.com/${P}peak_ewma.v3.PeakEwma`, value: new Uint8Array() };
  const only = { typedExtensionConfig: { name: "x", typedConfig: foreign } };
  assert.deepEqual(parsePolicies(only).errors, []);
  assert.deepEqual(parsePolicies(only).unsupported, [`${P}peak_ewma.v3.PeakEwma`]);
  assert.equal(parsePolicies(only).value.policy, "round_robin");
  assert.equal(parsePolicies(only, policy(`${P}maglev.v3.Maglev`, {})).value.policy, "maglev");
});

Deno.test("Garbage in a policy is an error, not a crash", () => {
  const broken = { typeUrl: `type.googleapis.com/${P}maglev.v3.Maglev`, value: new Uint8Array([0x0a, 0xff]) };
  const { errors } = parsePolicies({ typedExtensionConfig: { name: "x", typedConfig: broken } });
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /it cannot be read/);
});

Deno.test("Policies bring all that their clusters' own fields would", () => {
  const least = parsePolicies(policy(`${P}least_request.v3.LeastRequest`, {
    choiceCount: { value: 5 },
    activeRequestBias: { defaultValue: 0.5, runtimeKey: "x" },
    selectionMethod: "FULL_SCAN",
    slowStartConfig: { slowStartWindow: { seconds: 30 }, minWeightPercent: { value: 20 } },
    localityLbConfig: {
      zoneAwareLbConfig: { minClusterSize: { value: 3 }, routingEnabled: { value: 40 }, failTrafficOnPanic: true },
    },
  })).value;
  assert.deepEqual(
    [least.policy, least.choiceCount, least.activeRequestBias, least.fullScan, least.slowStartWindowMs],
    ["least_request", 5, 0.5, true, 30_000],
  );
  assert.equal(least.slowStartMinWeightPercent, 20);
  assert.deepEqual(least.zoneAware, { routingEnabledPercent: 40, minClusterSize: 3, failTrafficOnPanic: true });

  const ring = parsePolicies(policy(`${P}ring_hash.v3.RingHash`, {
    hashFunction: "MURMUR_HASH_2",
    minimumRingSize: { value: 5 },
    consistentHashingLbConfig: { useHostnameForHashing: true, hashBalanceFactor: { value: 120 } },
    localityWeightedLbConfig: {},
  })).value;
  assert.deepEqual(
    [ring.policy, ring.ringHashFunction, ring.ringMinimumSize, ring.useHostnameForHashing, ring.hashBalanceFactor],
    ["ring_hash", "murmur_hash_2", 5, true, 120],
  );
  assert.equal(ring.localityWeighted, true);
});

Deno.test("Policies stand inside of others", () => {
  const weighted = policy(`${P}client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`, {});
  const locality = parsePolicies(policy(`${P}wrr_locality.v3.WrrLocality`, {
    endpointPickingPolicy: { policies: [weighted] },
  }));
  assert.deepEqual([locality.value.policy, locality.value.localityWeighted, locality.errors], [
    "round_robin",
    true,
    [],
  ]);
  assert.deepEqual(locality.unsupported, ["weights of client_side_weighted_round_robin"]);

  const override = parsePolicies(policy(`${P}override_host.v3.OverrideHost`, {
    overrideHostSources: [{ header: "X-Gateway-Destination-Endpoint" }, { metadata: { key: "envoy.lb" } }],
    fallbackPolicy: { policies: [UNKNOWN, ROUND_ROBIN] },
  }));
  assert.deepEqual(override.value.overrideHostHeaders, ["x-gateway-destination-endpoint"]);
  assert.deepEqual(override.unsupported, ["envoy.lb"]);

  const subset = parsePolicies(policy(`${P}subset.v3.Subset`, {
    fallbackPolicy: "DEFAULT_SUBSET",
    defaultSubset: jsonToStruct({ version: "v1" }),
    subsetSelectors: [{ keys: ["version", "stage"] }],
    allowRedundantKeys: true,
    subsetLbPolicy: { policies: [policy(`${P}random.v3.Random`, {})] },
  })).value;
  assert.equal(subset.policy, "random");
  assert.deepEqual(subset.subset, {
    fallback: "default_subset",
    defaultSubset: { version: "v1" },
    selectors: [{ keys: ["stage", "version"], fallback: null, fallbackKeys: [], singleHost: false }],
    allowRedundantKeys: true,
    localityWeightAware: false,
    scaleLocalityWeight: false,
    panicModeAny: false,
    listAsAny: false,
    metadataFallbackList: false,
  });
});

Deno.test("A cluster's own fields go with its own policy", () => {
  const slow = { slowStartWindow: { seconds: 10 } };
  const warm = (lbPolicy: string) =>
    parse({
      lbPolicy,
      leastRequestLbConfig: lbPolicy === "LEAST_REQUEST" ? { slowStartConfig: slow } : undefined!,
      roundRobinLbConfig: lbPolicy !== "LEAST_REQUEST" ? { slowStartConfig: slow } : undefined!,
    } as EnvoyConfigClusterV3Cluster).value.slowStartWindowMs;
  assert.deepEqual(["LEAST_REQUEST", "ROUND_ROBIN", "RANDOM"].map(warm), [10_000, 10_000, 0]);
  const statuses = parse({ commonLbConfig: { overrideHostStatus: { statuses: ["HEALTHY", "DRAINING"] } } }).value;
  assert.deepEqual(statuses.overrideHostStatus, ["healthy", "draining"]);
  assert.equal(parse({ lbSubsetConfig: { fallbackPolicy: "ANY_ENDPOINT" } }).value.subset, null);
  const hostnames = { commonLbConfig: { consistentHashingLbConfig: { useHostnameForHashing: true } } };
  assert.equal(parse({ ...hostnames, type: "STRICT_DNS" }).errors.length, 0);
  assert.equal(parse({ ...hostnames, type: "EDS" }).errors.length, 1);
});
