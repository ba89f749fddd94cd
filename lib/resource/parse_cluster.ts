import type { SocketAddress } from "../internal/socket_address.ts";
import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigClusterV3ClusterTransportSocketMatch,
} from "../protobuf/gen/messages.ts";
import { structToJson } from "../protobuf/well_known.ts";
import type { Cluster, TransportSocketMatch } from "./cluster.ts";
import type { ParseResult } from "./common.ts";
import { parseIp } from "./ip_address.ts";
import { type FilterParsers, STATISTICS_ONLY_NETWORK_FILTERS } from "./filter_parsers.ts";
import type { Issues } from "./issues.ts";
import {
  parseMessage,
  parseMetadata,
  parseNumber,
  parsePositiveDuration,
  parseSocketAddress,
  required,
} from "./parse_common.ts";
import { parseCircuitBreakers } from "./parse_circuit_breakers.ts";
import { isDynamicForwardProxy, parseClusterSource } from "./parse_cluster_source.ts";
import { parseHealthCheck } from "./parse_health_check.ts";
import { HTTP_PROTOCOL_OPTIONS, parseHttpProtocolOptions } from "./parse_http_protocol_options.ts";
import { parseLoadBalancing, parseOutlierDetection } from "./parse_load_balancing.ts";
import { parseOriginalDst } from "./parse_original_dst.ts";
import { parseUpstreamTransportSocket } from "./parse_transport_socket.ts";
import { filterConfig } from "./typed_config.ts";
import { reportIgnored } from "./report_ignored.ts";

/** Reads and writes the first bytes of `istio-peer-exchange` connections; only the TCP stack has any use for it. */
const METADATA_EXCHANGE = "envoy.tcp.metadataexchange.config.MetadataExchange";

/**
 * Reads `envoy.config.cluster.v3.Cluster`. Fields that only make Envoy faster are left out without a word:
 * `preconnect_policy`, `connection_pool_per_downstream_connection`, statistics.
 */
export function parseCluster(bytes: Uint8Array, parsers: FilterParsers): ParseResult<Cluster> {
  return parseMessage(
    "envoy.config.cluster.v3.Cluster",
    bytes,
    (issues, cluster) => readCluster(issues, cluster, parsers),
  );
}

const IGNORED_PARTS = [
  "close_connections_on_host_health_failure",
  "connection_pool_per_downstream_connection",
  "lrs_server",
  "preconnect_policy",
  "upstream_config",
  "use_tcp_for_dns_lookups",
] as const;

function readCluster(issues: Issues, cluster: EnvoyConfigClusterV3Cluster, parsers: FilterParsers): Cluster {
  const http = withDynamicDefaults(cluster, parseHttpProtocolOptions(issues, cluster));
  const filters = parseFilters(issues, cluster, parsers);
  const refused = filters.unsupported;
  reportIgnored(issues, "", cluster, IGNORED_PARTS);
  const source = parseClusterSource(issues, cluster, http);
  const breakers = parseCircuitBreakers(issues, cluster.circuitBreakers);
  const loadBalancing = parseLoadBalancing(issues, cluster);
  if (
    (source.type === "original_dst" || source.type === "aggregate") !== (loadBalancing.policy === "cluster_provided")
  ) {
    checkClusterProvided(issues, source.type, loadBalancing.policy);
  }
  return {
    name: required(issues, "name", cluster.name),
    ...source,
    connectTimeoutMs: parsePositiveDuration(issues, "connect_timeout", cluster.connectTimeout, 5_000),
    loadBalancing,
    circuitBreakers: breakers.normal,
    highPriorityCircuitBreakers: breakers.high,
    outlierDetection: parseOutlierDetection(issues, cluster.outlierDetection),
    healthCheck: parseHealthCheck(issues, cluster, http),
    ignoreHealthOnHostRemoval: cluster.ignoreHealthOnHostRemoval ?? false,
    // A required filter would have had its say before the first byte: where it is unsupported nothing goes out.
    transportSocket: refused === null
      ? parseUpstreamTransportSocket(issues, "transport_socket", cluster.transportSocket, http)
      : { kind: "unsupported", what: refused },
    transportSocketMatches: refused === null
      ? (cluster.transportSocketMatches ?? []).map((match, index) => parseSocketMatch(issues, index, match, http))
      : [],
    http,
    tcpKeepalive: parseKeepalive(issues, cluster),
    ...parseOriginalDst(issues, cluster.originalDstLbConfig),
    bindAddress: parseBindAddress(issues, cluster),
    bufferBytes: parseNumber(
      issues,
      "per_connection_buffer_limit_bytes",
      cluster.perConnectionBufferLimitBytes,
      0,
      { max: 0xffffffff },
    ) || null,
    metadata: parseMetadata(cluster.metadata),
    upstreamFilters: filters.names,
  };
}

/**
 * Envoy: a dynamic forward proxy takes SNI and the expected name of the certificate from the host it goes to, unless its
 * (older) options say otherwise.
 */
function withDynamicDefaults(cluster: EnvoyConfigClusterV3Cluster, http: Cluster["http"]): Cluster["http"] {
  const dynamic = isDynamicForwardProxy(cluster) && cluster.upstreamHttpProtocolOptions === undefined &&
    cluster.typedExtensionProtocolOptions?.[HTTP_PROTOCOL_OPTIONS] === undefined;
  return dynamic ? { ...http, autoSni: true, autoSanValidation: true } : http;
}

/** Envoy: `CLUSTER_PROVIDED` goes with the kinds of cluster that provide, and `ORIGINAL_DST` with nothing else. */
function checkClusterProvided(issues: Issues, type: Cluster["type"], policy: string): void {
  if (type === "dynamic_forward_proxy" && policy === "cluster_provided") return;
  issues.invalid("lb_policy", `a cluster of type '${type}' cannot use it`, policy);
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

function parseBindAddress(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): SocketAddress | null {
  const socketAddress = cluster.upstreamBindConfig?.sourceAddress;
  if (socketAddress === undefined) return null;
  const path = "upstream_bind_config.source_address";
  const address = parseSocketAddress(issues, path, { socketAddress });
  if (address !== null && address.hostname !== "" && parseIp(address.hostname) === null) {
    issues.invalid(`${path}.address`, "it must be an IP address", address.hostname);
  }
  return address;
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
