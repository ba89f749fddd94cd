import type { EnvoyExtensionsFiltersNetworkTcp_proxyV3TcpProxy as Message } from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import type { TcpProxy } from "./listener.ts";
import { parseAccessLogs } from "./parse_access_log.ts";
import { checkNumber, parseDuration, parseNumber, required } from "./parse_common.ts";

const ONE_HOUR = 3_600_000;

/** Reads an `envoy.filters.network.tcp_proxy`. */
export function readTcpProxy(issues: Issues, path: string, message: Message): TcpProxy {
  for (const [index, policy] of (message.hashPolicy ?? []).entries()) {
    if (policy.filterState !== undefined) {
      issues.unsupport(`${path}.hash_policy[${index}].filter_state`, policy.filterState.key ?? "");
    }
  }
  const idleTimeoutMs = parseDuration(issues, `${path}.idle_timeout`, message.idleTimeout, ONE_HOUR);
  return {
    statPrefix: required(issues, `${path}.stat_prefix`, message.statPrefix),
    clusters: parseClusters(issues, path, message),
    idleTimeoutMs: idleTimeoutMs === 0 ? null : idleTimeoutMs,
    maxConnectAttempts: parseNumber(issues, `${path}.max_connect_attempts`, message.maxConnectAttempts, 1, { min: 1 }),
    accessLogs: parseAccessLogs(issues, `${path}.access_log`, message.accessLog),
    hashSourceIp: (message.hashPolicy ?? []).some((policy) => policy.sourceIp !== undefined),
    tunnelingHostname: message.tunnelingConfig === undefined
      ? null
      : required(issues, `${path}.tunneling_config.hostname`, message.tunnelingConfig.hostname),
  };
}

function parseClusters(issues: Issues, path: string, message: Message): TcpProxy["clusters"] {
  if (message.weightedClusters === undefined) {
    return [{ name: required(issues, `${path}.cluster`, message.cluster), weight: 1 }];
  }
  const clusters = (message.weightedClusters.clusters ?? []).map((cluster, index) => {
    const clusterPath = `${path}.weighted_clusters.clusters[${index}]`;
    return {
      name: required(issues, `${clusterPath}.name`, cluster.name),
      weight: checkNumber(issues, `${clusterPath}.weight`, cluster.weight ?? 0, { min: 1 }),
    };
  });
  if (clusters.length === 0) issues.invalid(`${path}.weighted_clusters.clusters`, "it must not be empty");
  return clusters;
}
