import type { LocalitySetting } from "../kinds/locality_setting.ts";
import type { TrafficDistribution } from "../kinds/service.ts";
import type { Locality } from "../proxy_node.ts";
import type { ServiceEndpoint } from "../service_endpoints.ts";

/** Endpoints of one locality that are equally good for a caller. */
export interface LocalityGroup {
  readonly locality: Locality;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly weight: number;
  /** 0 is used first. */
  readonly priority: number;
}

/** Who calls: where it runs and its labels, with those of its place. */
export interface LocalityClient {
  readonly locality: Locality;
  readonly labels: Readonly<Record<string, string>>;
}

/** How a service's endpoints are weighed against each other by locality. */
export interface LocalityRules {
  /** `undefined` where it is turned off. */
  readonly setting: LocalitySetting | undefined;
  /** Whether requests may fail over: somebody notices failures, or the service itself asks for it. */
  readonly failover: boolean;
}

/** Setting of the mesh as istiod has it without further configuration. */
const MESH_DEFAULT: LocalitySetting = { enabled: true, distribute: undefined, failover: [], failoverPriority: [] };

const NETWORK = "topology.istio.io/network";
const ZONE = [NETWORK, "topology.kubernetes.io/region", "topology.kubernetes.io/zone"];
const NODE = [...ZONE, "topology.istio.io/subzone", "kubernetes.io/hostname"];

/** The rules in force: those of the policy, else of the service, else of the mesh. */
export function localityRules(
  policy: LocalitySetting | undefined,
  distribution: TrafficDistribution | undefined,
  detectsFailures: boolean,
): LocalityRules {
  if (policy !== undefined) return { setting: policy.enabled ? policy : undefined, failover: detectsFailures };
  if (distribution === undefined) return { setting: MESH_DEFAULT, failover: detectsFailures };
  const failoverPriority = distribution === "PreferSameZone" ? ZONE : NODE;
  return { setting: { ...MESH_DEFAULT, failoverPriority }, failover: true };
}

/** Whether Envoy is to spread requests over localities by their weights before it looks at endpoints. */
export function weighsLocalities({ setting, failover }: LocalityRules): boolean {
  if (setting === undefined) return false;
  return setting.distribute !== undefined ||
    (failover && (setting.failover.length > 0 || setting.failoverPriority.length > 0));
}

/** Weights and priorities of a caller, by its rules. */
export function prioritize(
  groups: readonly LocalityGroup[],
  { setting, failover }: LocalityRules,
  client: LocalityClient,
): LocalityGroup[] {
  if (setting === undefined) return [...groups];
  if (setting.distribute !== undefined) return distribute(groups, setting.distribute, client.locality);
  if (!failover) return [...groups];
  if (setting.failoverPriority.length === 0) return byDistance(groups, setting.failover, client.locality);
  const split = rank(groups.flatMap((group) => byLabels(group, setting.failoverPriority, client.labels)));
  return setting.failover.length === 0 ? split : byDistance(split, setting.failover, client.locality);
}

/** Shares of the first entry for the caller's locality; localities that get none have no endpoints left. */
function distribute(
  groups: readonly LocalityGroup[],
  entries: NonNullable<LocalitySetting["distribute"]>,
  own: Locality,
): LocalityGroup[] {
  const entry = entries.find(({ from }) => matches(own, from));
  if (entry === undefined) return [...groups];
  const weights = new Map<LocalityGroup, number>();
  for (const [to, share] of Object.entries(entry.to)) {
    const hit = groups.filter((group) => !weights.has(group) && matches(group.locality, to));
    const total = hit.reduce((sum, { weight }) => sum + weight, 0);
    // One share for several localities is divided by their weights.
    for (const group of hit) weights.set(group, Math.ceil((group.weight * share) / total));
  }
  return groups.map((group) => {
    const weight = weights.get(group);
    return weight === undefined ? { ...group, endpoints: [] } : { ...group, weight };
  });
}

/** Whether a locality is one of those that a rule names. */
function matches({ region, zone, subZone }: Locality, rule: string): boolean {
  const [ruleRegion = "", ruleZone = "", ruleSubZone = ""] = rule.split("/");
  const any = (part: string) => part === "" || part === "*";
  return (ruleRegion === "*" || ruleRegion === region) && (any(ruleZone) || ruleZone === zone) &&
    (any(ruleSubZone) || ruleSubZone === subZone);
}

/** Closer goes first: sub-zone, zone, region, the region to fail over to, the rest. */
function byDistance(
  groups: readonly LocalityGroup[],
  failover: LocalitySetting["failover"],
  own: Locality,
): LocalityGroup[] {
  const target = failover.find(({ from }) => from === own.region)?.to;
  return rank(groups.map((group) => {
    const near = distance(own, group.locality);
    const far = near === 3 && target !== undefined && group.locality.region !== target;
    // Distance decides among endpoints that labels left equal.
    return { ...group, priority: group.priority * 5 + (far ? 4 : near) };
  }));
}

/** 0 in the same sub-zone, 1 in the same zone, 2 in the same region, else 3. */
function distance(own: Locality, other: Locality): number {
  if (own.region !== other.region) return 3;
  if (own.zone !== other.zone) return 2;
  return own.subZone === other.subZone ? 0 : 1;
}

/** A locality split by how many labels, from the first, an endpoint shares with the caller. */
function byLabels(
  group: LocalityGroup,
  labels: readonly string[],
  own: Readonly<Record<string, string>>,
): LocalityGroup[] {
  const split = new Map<number, ServiceEndpoint[]>();
  for (const endpoint of group.endpoints) {
    const priority = mismatch(endpoint.labels, labels, own);
    const list = split.get(priority);
    if (list === undefined) split.set(priority, [endpoint]);
    else list.push(endpoint);
  }
  return [...split.keys()].sort((a, b) => a - b).map((priority) => {
    const endpoints = split.get(priority)!;
    return { ...group, endpoints, weight: weightOf(endpoints), priority };
  });
}

/** How far from the end of the list the first label is that differs; 0 when none does. */
function mismatch(
  theirs: Readonly<Record<string, string>>,
  labels: readonly string[],
  own: Readonly<Record<string, string>>,
): number {
  let otherNetwork = 0;
  for (const [index, entry] of labels.entries()) {
    const [label, value] = entry.split("=", 2) as [string, string | undefined];
    if ((value ?? own[label] ?? "") === (theirs[label] ?? "")) continue;
    if (index > 0 || label !== NETWORK) return labels.length - index + otherNetwork;
    // Another network counts as a whole list of labels more.
    otherNetwork = labels.length;
  }
  return otherNetwork;
}

/** The weight of a group: that of its endpoints together. */
export function weightOf(endpoints: readonly ServiceEndpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}

/** Priorities without gaps, from 0, as Envoy asks for. */
function rank(groups: readonly LocalityGroup[]): LocalityGroup[] {
  const ranks = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: ranks.indexOf(group.priority) }));
}
