import type { SocketAddress } from "../internal/socket_address.ts";
import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigClusterV3ClusterTransportSocketMatch,
} from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import { structToJson } from "../protobuf/well_known.ts";
import type { Cluster, TransportSocketMatch } from "./cluster.ts";
import type { ParseResult } from "./common.ts";
import { type FilterParsers, STATISTICS_ONLY_NETWORK_FILTERS } from "./filter_parsers.ts";
import { type Issues, reasonOf } from "./issues.ts";
import {
  isAds,
  parseEnum,
  parseMessage,
  parseMetadata,
  parseNumber,
  parsePositiveDuration,
  parseSocketAddress,
  required,
} from "./parse_common.ts";
import { parseLoadAssignment } from "./parse_endpoint.ts";
import { parseHealthCheck } from "./parse_health_check.ts";
import { parseHttpProtocolOptions } from "./parse_http_protocol_options.ts";
import { parseCircuitBreakers, parseLoadBalancing, parseOutlierDetection } from "./parse_load_balancing.ts";
import { parseUpstreamTransportSocket } from "./parse_transport_socket.ts";
import { filterConfig } from "./typed_config.ts";

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
const DYNAMIC_FORWARD_PROXY = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
/** Reads and writes the first bytes of `istio-peer-exchange` connections; only the TCP stack has any use for it. */
const METADATA_EXCHANGE = "envoy.tcp.metadataexchange.config.MetadataExchange";

/** Reads `envoy.config.cluster.v3.Cluster`. */
export function parseCluster(bytes: Uint8Array, parsers: FilterParsers): ParseResult<Cluster> {
  return parseMessage(
    "envoy.config.cluster.v3.Cluster",
    bytes,
    (issues, cluster) => readCluster(issues, cluster, parsers),
  );
}

function readCluster(issues: Issues, cluster: EnvoyConfigClusterV3Cluster, parsers: FilterParsers): Cluster {
  const http = parseHttpProtocolOptions(issues, cluster);
  const filters = parseFilters(issues, cluster, parsers);
  const destinationKey = cluster.originalDstLbConfig?.metadataKey?.key;
  if (destinationKey !== undefined) issues.unsupport("original_dst_lb_config.metadata_key", destinationKey);
  const refused = filters.unsupported ?? (destinationKey === undefined ? null : `metadata_key '${destinationKey}'`);
  const source = parseSource(issues, cluster);
  const loadBalancing = parseLoadBalancing(issues, cluster);
  if ((source.type === "original_dst") !== (loadBalancing.policy === "cluster_provided")) {
    checkClusterProvided(issues, source.type, loadBalancing.policy);
  }
  return {
    name: required(issues, "name", cluster.name),
    ...source,
    connectTimeoutMs: parsePositiveDuration(issues, "connect_timeout", cluster.connectTimeout, 5_000),
    loadBalancing,
    circuitBreakers: parseCircuitBreakers(issues, cluster.circuitBreakers),
    outlierDetection: parseOutlierDetection(issues, cluster.outlierDetection),
    healthCheck: parseHealthCheck(issues, cluster, http),
    ignoreHealthOnHostRemoval: cluster.ignoreHealthOnHostRemoval ?? false,
    // A required filter would have had its say before the first byte, and metadata could name another destination
    // than the original one: where either is unsupported nothing goes out.
    transportSocket: refused === null
      ? parseUpstreamTransportSocket(issues, "transport_socket", cluster.transportSocket, http)
      : { kind: "unsupported", what: refused },
    transportSocketMatches: refused === null
      ? (cluster.transportSocketMatches ?? []).map((match, index) => parseSocketMatch(issues, index, match, http))
      : [],
    http,
    tcpKeepalive: parseKeepalive(issues, cluster),
    originalDstHeader: cluster.originalDstLbConfig?.useHttpHeader ?? false,
    originalDstPortOverride: parsePortOverride(issues, cluster),
    bindAddress: parseBindAddress(issues, cluster),
    metadata: parseMetadata(cluster.metadata),
    upstreamFilters: filters.names,
  };
}

/** Envoy: `CLUSTER_PROVIDED` goes with the kinds of cluster that provide, and `ORIGINAL_DST` with nothing else. */
function checkClusterProvided(issues: Issues, type: Cluster["type"], policy: string): void {
  if (type === "dynamic_forward_proxy" && policy === "cluster_provided") return;
  issues.invalid("lb_policy", `a cluster of type '${type}' cannot use it`, policy);
}

type Source = Pick<Cluster, "type" | "edsServiceName" | "loadAssignment" | "dns">;

function parseSource(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): Source {
  const dns = parseDns(issues, cluster);
  if (cluster.clusterType !== undefined) return parseCustomType(issues, cluster, dns);
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

function parseCustomType(issues: Issues, cluster: EnvoyConfigClusterV3Cluster, dns: Cluster["dns"]): Source {
  const any = cluster.clusterType?.typedConfig;
  if (any !== undefined && messageName(any.typeUrl ?? "") === DYNAMIC_FORWARD_PROXY) {
    try {
      const cache = unpackAny(DYNAMIC_FORWARD_PROXY, any).dnsCacheConfig ?? {};
      const path = "cluster_type.typed_config.dns_cache_config";
      return {
        type: "dynamic_forward_proxy",
        edsServiceName: null,
        loadAssignment: null,
        dns: {
          refreshMs: parsePositiveDuration(issues, `${path}.dns_refresh_rate`, cache.dnsRefreshRate, 60_000),
          respectTtl: true,
          family: parseEnum(issues, `${path}.dns_lookup_family`, cache.dnsLookupFamily, DNS_FAMILIES, "auto"),
        },
      };
    } catch (error) {
      issues.invalid("cluster_type.typed_config", `it cannot be read (${reasonOf(error)})`);
    }
  } else {
    issues.unsupport("cluster_type", any?.typeUrl ?? cluster.clusterType?.name ?? "");
  }
  // A cluster of a kind nobody here can resolve has no endpoints: requests fail with 503, the rest goes on.
  const loadAssignment = { clusterName: cluster.name ?? "", localities: [], overprovisioningFactor: 140 };
  return { type: "static", edsServiceName: null, loadAssignment, dns };
}

function parseDns(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): Cluster["dns"] {
  return {
    refreshMs: parsePositiveDuration(issues, "dns_refresh_rate", cluster.dnsRefreshRate, 5_000),
    respectTtl: cluster.respectDnsTtl ?? false,
    family: parseEnum(issues, "dns_lookup_family", cluster.dnsLookupFamily, DNS_FAMILIES, "auto"),
  };
}

function parseSocketMatch(
  issues: Issues,
  index: number,
  match: EnvoyConfigClusterV3ClusterTransportSocketMatch,
  http: Cluster["http"],
): TransportSocketMatch {
  const path = `transport_socket_matches[${index}]`;
  const wanted: Record<string, string> = {};
  for (const [key, value] of Object.entries(structToJson(match.match))) {
    if (typeof value === "string") wanted[key] = value;
    else issues.invalid(`${path}.match`, "its values must be strings", { [key]: value });
  }
  return {
    name: required(issues, `${path}.name`, match.name),
    match: wanted,
    socket: parseUpstreamTransportSocket(issues, `${path}.transport_socket`, match.transportSocket, http),
  };
}

function parseKeepalive(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): Cluster["tcpKeepalive"] {
  const keepalive = cluster.upstreamConnectionOptions?.tcpKeepalive;
  if (keepalive === undefined) return null;
  const path = "upstream_connection_options.tcp_keepalive";
  // The defaults are Linux's, as Envoy leaves absent ones to the operating system.
  return {
    probes: parseNumber(issues, `${path}.keepalive_probes`, keepalive.keepaliveProbes, 9),
    timeSeconds: parseNumber(issues, `${path}.keepalive_time`, keepalive.keepaliveTime, 7_200),
    intervalSeconds: parseNumber(issues, `${path}.keepalive_interval`, keepalive.keepaliveInterval, 75),
  };
}

function parsePortOverride(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): number | null {
  const config = cluster.originalDstLbConfig;
  if (config?.upstreamPortOverride === undefined) return null;
  return parseNumber(issues, "original_dst_lb_config.upstream_port_override", config.upstreamPortOverride, 0, {
    max: 65_535,
  });
}

function parseBindAddress(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): SocketAddress | null {
  const socketAddress = cluster.upstreamBindConfig?.sourceAddress;
  if (socketAddress === undefined) return null;
  return parseSocketAddress(issues, "upstream_bind_config.source_address", { socketAddress });
}

function parseFilters(
  issues: Issues,
  cluster: EnvoyConfigClusterV3Cluster,
  parsers: FilterParsers,
): { names: string[]; unsupported: string | null } {
  const names: string[] = [];
  let unsupported: string | null = null;
  for (const [index, filter] of (cluster.filters ?? []).entries()) {
    const path = `filters[${index}]`;
    const name = required(issues, `${path}.name`, filter.name);
    if (parsers.skip.has(name)) continue;
    const config = filterConfig(issues, path, filter);
    if (config !== null && STATISTICS_ONLY_NETWORK_FILTERS.has(config.messageName)) continue;
    if (config?.messageName === METADATA_EXCHANGE || parsers.network.has(config?.messageName ?? "")) {
      names.push(name);
      continue;
    }
    unsupported = config?.messageName ?? name;
    issues.unsupport(path, unsupported);
  }
  return { names, unsupported };
}
