import type {
  EnvoyConfigClusterV3LoadBalancingPolicy,
  EnvoyExtensionsLoad_balancing_policiesCommonV3LocalityLbConfig,
} from "../protobuf/gen/messages.ts";
import { decode, type MessageName, messageName } from "../protobuf/registry.ts";
import { type Issues, reasonOf } from "./issues.ts";
import type { LoadBalancing } from "./load_balancing.ts";
import {
  parseHashing,
  parseLeastRequest,
  parseMaglev,
  parseRing,
  parseSlowStart,
  parseZoneAware,
} from "./parse_lb_parts.ts";
import { parseSubsetSettings } from "./parse_lb_subset.ts";
import { openTypedConfig } from "./typed_config.ts";

const PACKAGE = "envoy.extensions.load_balancing_policies.";

/** Reads the configuration of one policy over the settings so far. `null` where nothing inside is supported. */
type PolicyReader = (issues: Issues, path: string, bytes: Uint8Array, base: LoadBalancing) => LoadBalancing | null;

/**
 * Reads a `load_balancing_policy`: of its policies the first one that is known is used, as in Envoy, and a list without
 * one is refused. Policies Envoy has and enmesh does not are passed over and reported; where nothing else is left, hosts
 * take turns.
 *
 * @param base What the cluster says apart from the policy.
 */
export function parseLoadBalancingPolicy(
  issues: Issues,
  path: string,
  policy: EnvoyConfigClusterV3LoadBalancingPolicy | undefined,
  base: LoadBalancing,
): LoadBalancing {
  const read = readPolicies(issues, path, policy, base);
  return read ?? { ...base, policy: "round_robin" };
}

function readPolicies(
  issues: Issues,
  path: string,
  list: EnvoyConfigClusterV3LoadBalancingPolicy | undefined,
  base: LoadBalancing,
): LoadBalancing | null {
  const names: string[] = [];
  let known = false;
  for (const [index, { typedExtensionConfig }] of (list?.policies ?? []).entries()) {
    const at = `${path}.policies[${index}].typed_extension_config`;
    names.push(typedExtensionConfig?.name ?? "");
    const any = typedExtensionConfig?.typedConfig;
    if (any === undefined) continue;
    const config = openTypedConfig(issues, `${at}.typed_config`, any);
    if (config === null) return null;
    const short = config.messageName.startsWith(PACKAGE) ? config.messageName.slice(PACKAGE.length) : "";
    const reader = READERS.get(short);
    if (reader !== undefined && config.form === "message") {
      try {
        return reader(issues, `${at}.typed_config`, config.bytes, base);
      } catch (error) {
        issues.invalid(`${at}.typed_config`, `it cannot be read (${reasonOf(error)})`);
        return null;
      }
    }
    if (short === "") continue;
    known = true;
    issues.unsupport(at, config.messageName);
  }
  if (!known) {
    issues.invalid(`${path}.policies`, "none of its policies is known", names.join(", "));
  }
  return null;
}

/** Decodes, then reads: the types of the two go together. */
function reader<N extends MessageName>(
  name: N,
  read: (
    issues: Issues,
    path: string,
    message: ReturnType<typeof decode<N>>,
    base: LoadBalancing,
  ) => LoadBalancing | null,
): [string, PolicyReader] {
  return [
    name.slice(PACKAGE.length),
    (issues, path, bytes, base) => read(issues, path, decode(name, bytes), base),
  ];
}

const READERS: ReadonlyMap<string, PolicyReader> = new Map([
  reader(`${PACKAGE}round_robin.v3.RoundRobin`, (issues, path, config, base) => ({
    ...base,
    policy: "round_robin",
    ...parseLocality(issues, path, config.localityLbConfig),
    ...parseSlowStart(issues, `${path}.slow_start_config`, config.slowStartConfig),
  })),
  reader(`${PACKAGE}least_request.v3.LeastRequest`, (issues, path, config, base) => ({
    ...base,
    policy: "least_request",
    ...parseLeastRequest(issues, path, config),
    fullScan: config.selectionMethod === "FULL_SCAN" || (config.enableFullScan?.value ?? false),
    ...parseLocality(issues, path, config.localityLbConfig),
    ...parseSlowStart(issues, `${path}.slow_start_config`, config.slowStartConfig),
  })),
  reader(`${PACKAGE}random.v3.Random`, (issues, path, config, base) => ({
    ...base,
    policy: "random",
    ...parseLocality(issues, path, config.localityLbConfig),
  })),
  reader(`${PACKAGE}ring_hash.v3.RingHash`, (issues, path, config, base) => ({
    ...base,
    policy: "ring_hash",
    ...parseRing(issues, path, config),
    localityWeighted: config.localityWeightedLbConfig !== undefined,
    ...parseHashing(issues, path, config.consistentHashingLbConfig ?? config),
  })),
  reader(`${PACKAGE}maglev.v3.Maglev`, (issues, path, config, base) => ({
    ...base,
    policy: "maglev",
    ...parseMaglev(issues, path, config),
    localityWeighted: config.localityWeightedLbConfig !== undefined,
    ...parseHashing(issues, path, config.consistentHashingLbConfig),
  })),
  reader(`${PACKAGE}wrr_locality.v3.WrrLocality`, (issues, path, config, base) => {
    const at = `${path}.endpoint_picking_policy`;
    const inner = readPolicies(issues, at, config.endpointPickingPolicy, base);
    const names = (config.endpointPickingPolicy?.policies ?? []).map(({ typedExtensionConfig }) =>
      messageName(typedExtensionConfig?.typedConfig?.typeUrl ?? "")
    );
    // Envoy takes no other.
    const wanted = `${PACKAGE}client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`;
    if (inner !== null && names.find((name) => READERS.has(name.slice(PACKAGE.length))) !== wanted) {
      issues.invalid(at, "it must be client_side_weighted_round_robin", names.join(", "));
    }
    return { ...(inner ?? { ...base, policy: "round_robin" }), localityWeighted: true };
  }),
  // Without load reports its hosts have equal weights: what is left is round robin.
  reader(
    `${PACKAGE}client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
    (issues, path, _config, base) => {
      issues.unsupport(path, "weights of client_side_weighted_round_robin");
      return { ...base, policy: "round_robin" };
    },
  ),
  reader(`${PACKAGE}override_host.v3.OverrideHost`, (issues, path, config, base) => {
    const sources = config.overrideHostSources ?? [];
    if (sources.length === 0) issues.invalid(`${path}.override_host_sources`, "it must hold at least one", 0);
    const headers: string[] = [];
    for (const [index, source] of sources.entries()) {
      if (source.metadata !== undefined) {
        issues.unsupport(`${path}.override_host_sources[${index}].metadata`, source.metadata.key ?? "");
      } else if (source.header) headers.push(source.header.toLowerCase());
    }
    const fallback = readPolicies(issues, `${path}.fallback_policy`, config.fallbackPolicy, base);
    return { ...(fallback ?? { ...base, policy: "round_robin" }), overrideHostHeaders: headers };
  }),
  reader(`${PACKAGE}subset.v3.Subset`, (issues, path, config, base) => {
    const inner = readPolicies(issues, `${path}.subset_lb_policy`, config.subsetLbPolicy, base);
    return {
      ...(inner ?? { ...base, policy: "round_robin" }),
      subset: parseSubsetSettings(issues, path, config, config.allowRedundantKeys ?? false),
    };
  }),
  reader(`${PACKAGE}cluster_provided.v3.ClusterProvided`, (_issues, _path, _config, base) => ({
    ...base,
    policy: "cluster_provided",
  })),
]);

function parseLocality(
  issues: Issues,
  path: string,
  config: EnvoyExtensionsLoad_balancing_policiesCommonV3LocalityLbConfig | undefined,
): Pick<LoadBalancing, "localityWeighted" | "zoneAware"> {
  return {
    localityWeighted: config?.localityWeightedLbConfig !== undefined,
    zoneAware: parseZoneAware(issues, `${path}.locality_lb_config.zone_aware_lb_config`, config?.zoneAwareLbConfig),
  };
}
