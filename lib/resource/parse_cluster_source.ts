import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyExtensionsClustersDynamic_forward_proxyV3ClusterConfig as DynamicForwardProxy,
} from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import type { Cluster } from "./cluster.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { isAds, parseDuration, parseEnum, parseNumber, parsePositiveDuration, required } from "./parse_common.ts";
import { parseLoadAssignment } from "./parse_endpoint.ts";
import { reportIgnored } from "./report_ignored.ts";

const TYPES = {
  STATIC: "static",
  STRICT_DNS: "strict_dns",
  LOGICAL_DNS: "logical_dns",
  EDS: "eds",
  ORIGINAL_DST: "original_dst",
} as const;
const DNS_FAMILIES = {
  AUTO: "auto",
  V4_ONLY: "v4_only",
  V6_ONLY: "v6_only",
  V4_PREFERRED: "v4_preferred",
  ALL: "all",
} as const;
const AGGREGATE = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";
const DYNAMIC_FORWARD_PROXY = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";

/** Where a cluster's endpoints come from. */
export type ClusterSource = Pick<Cluster, "type" | "edsServiceName" | "loadAssignment" | "members" | "dns">;

/** Reads `type` or `cluster_type` with what goes with it. */
export function parseClusterSource(
  issues: Issues,
  cluster: EnvoyConfigClusterV3Cluster,
  http: Pick<Cluster["http"], "autoSni" | "autoSanValidation">,
): ClusterSource {
  const dns = parseDns(issues, cluster);
  if (cluster.clusterType !== undefined) return parseCustomType(issues, cluster, dns, http);
  const type = parseEnum(issues, "type", cluster.type, TYPES, "static");
  if (type === "eds") {
    isAds(issues, "eds_cluster_config.eds_config", cluster.edsClusterConfig?.edsConfig);
    if (cluster.edsClusterConfig === undefined) {
      issues.invalid("eds_cluster_config", "a cluster of type EDS must have it");
    }
    // Envoy: the name of the cluster where no other was given.
    return {
      type,
      edsServiceName: cluster.edsClusterConfig?.serviceName || cluster.name || "",
      loadAssignment: null,
      dns,
    };
  }
  if (type === "original_dst") {
    if (cluster.loadAssignment !== undefined) {
      issues.invalid("load_assignment", "a cluster of type ORIGINAL_DST cannot have it");
    }
    return { type, edsServiceName: null, loadAssignment: null, dns };
  }
  const assignment = { ...cluster.loadAssignment };
  // Where it is absent the cluster has no endpoints (Istio's BlackHoleCluster).
  assignment.clusterName ??= cluster.name ?? "-";
  const addressing = type === "static" ? "ip" : "name";
  const loadAssignment = parseLoadAssignment(issues, "load_assignment.", assignment, addressing);
  if (type === "logical_dns") {
    const count = loadAssignment.localities.reduce((sum, locality) => sum + locality.endpoints.length, 0);
    if (count !== 1) issues.invalid("load_assignment", "a cluster of type LOGICAL_DNS must have one endpoint", count);
  }
  return { type, edsServiceName: null, loadAssignment, dns };
}

/** Whether the destination of each request is named by the request itself. */
export function isDynamicForwardProxy(cluster: EnvoyConfigClusterV3Cluster): boolean {
  return messageName(cluster.clusterType?.typedConfig?.typeUrl ?? "") === DYNAMIC_FORWARD_PROXY;
}

function parseCustomType(
  issues: Issues,
  cluster: EnvoyConfigClusterV3Cluster,
  dns: Cluster["dns"],
  http: Pick<Cluster["http"], "autoSni" | "autoSanValidation">,
): ClusterSource {
  const any = cluster.clusterType?.typedConfig;
  const name = messageName(any?.typeUrl ?? "");
  try {
    if (any !== undefined && name === AGGREGATE) {
      return parseAggregate(issues, cluster.name ?? "", unpackAny(AGGREGATE, any).clusters ?? [], dns);
    }
    if (any !== undefined && name === DYNAMIC_FORWARD_PROXY) {
      return parseDynamicForwardProxy(issues, unpackAny(DYNAMIC_FORWARD_PROXY, any), http);
    }
    issues.unsupport("cluster_type", any?.typeUrl ?? cluster.clusterType?.name ?? "");
  } catch (error) {
    issues.invalid("cluster_type.typed_config", `it cannot be read (${reasonOf(error)})`);
  }
  // A cluster of a kind nobody here can resolve has no endpoints: requests fail with 503, the rest goes on.
  const loadAssignment = { clusterName: cluster.name ?? "", localities: [], overprovisioningFactor: 140 };
  return { type: "static", edsServiceName: null, loadAssignment, dns };
}

function parseAggregate(
  issues: Issues,
  own: string,
  members: readonly string[],
  dns: Cluster["dns"],
): ClusterSource {
  const path = "cluster_type.typed_config.clusters";
  if (members.length === 0) issues.invalid(path, "it must name at least one cluster");
  for (const [index, member] of members.entries()) {
    if (member === own) issues.invalid(`${path}[${index}]`, "a cluster cannot be made of itself", member);
  }
  return { type: "aggregate", edsServiceName: null, loadAssignment: null, members, dns };
}

function parseDynamicForwardProxy(
  issues: Issues,
  config: DynamicForwardProxy,
  http: Pick<Cluster["http"], "autoSni" | "autoSanValidation">,
): ClusterSource {
  const path = "cluster_type.typed_config";
  const cachePath = `${path}.dns_cache_config`;
  // Sub-clusters differ in balancing over all addresses of a name; here one address is used at a time either way.
  if (config.subClustersConfig !== undefined) {
    issues.unsupport(`${path}.sub_clusters_config`, "sub_clusters_config");
  } else if (config.dnsCacheConfig === undefined) issues.invalid(cachePath, "it must be given");
  else required(issues, `${cachePath}.name`, config.dnsCacheConfig.name);
  if (!(config.allowInsecureClusterOptions ?? false) && !(http.autoSni && http.autoSanValidation)) {
    issues.invalid(path, "auto_sni and auto_san_validation must be on unless allow_insecure_cluster_options is set");
  }
  const cache = config.dnsCacheConfig ?? {};
  return {
    type: "dynamic_forward_proxy",
    edsServiceName: null,
    loadAssignment: null,
    dns: {
      refreshMs: parsePositiveDuration(issues, `${cachePath}.dns_refresh_rate`, cache.dnsRefreshRate, 60_000),
      respectTtl: true,
      family: parseEnum(issues, `${cachePath}.dns_lookup_family`, cache.dnsLookupFamily, DNS_FAMILIES, "auto"),
      maxHosts: parseNumber(issues, `${cachePath}.max_hosts`, cache.maxHosts, 1024, { min: 1, max: 0xffffffff }),
      hostTtlMs: parsePositiveDuration(issues, `${cachePath}.host_ttl`, cache.hostTtl, 300_000),
      timeoutMs: parseDuration(issues, `${cachePath}.dns_query_timeout`, cache.dnsQueryTimeout, 5_000),
    },
  };
}

function parseDns(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): Cluster["dns"] {
  // Names that fail are asked for again at the usual rate, and by the resolvers of the pod.
  reportIgnored(issues, "", cluster, ["dns_failure_refresh_rate", "dns_resolvers", "dns_resolution_config"]);
  return {
    refreshMs: parsePositiveDuration(issues, "dns_refresh_rate", cluster.dnsRefreshRate, 5_000),
    respectTtl: cluster.respectDnsTtl ?? false,
    family: parseEnum(issues, "dns_lookup_family", cluster.dnsLookupFamily, DNS_FAMILIES, "auto"),
  };
}
