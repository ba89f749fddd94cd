import { formatAddress } from "../internal/socket_address.ts";
import type {
  EnvoyConfigEndpointV3ClusterLoadAssignment,
  EnvoyConfigEndpointV3LbEndpoint,
  EnvoyConfigEndpointV3LocalityLbEndpoints,
} from "../protobuf/gen/messages.ts";
import type { ParseResult } from "./common.ts";
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "./endpoint.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import { parseIp } from "./ip_address.ts";
import type { Issues } from "./issues.ts";
import {
  checkNumber,
  parseEnum,
  parseMessage,
  parseMetadata,
  parseNumber,
  parseSocketAddress,
  required,
} from "./parse_common.ts";
import { HEALTH_STATUSES } from "./health_statuses.ts";
import { parseEndpointHealthCheck } from "./parse_health_check.ts";

/** What the address of an endpoint may be: an IP address (EDS, static), or a DNS name too. */
export type EndpointAddressing = "ip" | "name";

/** Reads `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export function parseEndpoint(bytes: Uint8Array, _parsers?: FilterParsers): ParseResult<ClusterLoadAssignment> {
  return parseMessage(
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    bytes,
    (issues, message) => parseLoadAssignment(issues, "", message, "ip"),
  );
}

/** Reads a load assignment, of EDS or given in place. `path` is empty or ends with a dot. */
export function parseLoadAssignment(
  issues: Issues,
  path: string,
  assignment: EnvoyConfigEndpointV3ClusterLoadAssignment,
  addressing: EndpointAddressing,
): ClusterLoadAssignment {
  if (assignment.policy?.dropOverloads !== undefined) issues.unsupport(`${path}policy`, "drop_overloads");
  return {
    clusterName: required(issues, `${path}cluster_name`, assignment.clusterName),
    localities: (assignment.endpoints ?? [])
      .map((locality, index) => parseLocality(issues, `${path}endpoints[${index}]`, locality, addressing)),
    overprovisioningFactor: parseNumber(
      issues,
      `${path}policy.overprovisioning_factor`,
      assignment.policy?.overprovisioningFactor,
      140,
      { min: 1 },
    ),
    ...(assignment.policy?.weightedPriorityHealth ? { weightedPriorityHealth: true } : {}),
  };
}

function parseLocality(
  issues: Issues,
  path: string,
  locality: EnvoyConfigEndpointV3LocalityLbEndpoints,
  addressing: EndpointAddressing,
): LocalityEndpoints {
  if (locality.ledsClusterLocalityConfig !== undefined) issues.unsupport(path, "leds_cluster_locality_config");
  const listed = locality.loadBalancerEndpoints?.lbEndpoints ?? locality.lbEndpoints ?? [];
  const weight = locality.loadBalancingWeight;
  return {
    region: locality.locality?.region ?? "",
    zone: locality.locality?.zone ?? "",
    subZone: locality.locality?.subZone ?? "",
    priority: checkNumber(issues, `${path}.priority`, locality.priority ?? 0, { max: 128 }),
    weight: weight === undefined
      ? null
      : parseNumber(issues, `${path}.load_balancing_weight`, weight, 1, { min: 1, max: 0xffffffff }),
    endpoints: listed
      .map((endpoint, index) => parseLbEndpoint(issues, `${path}.lb_endpoints[${index}]`, endpoint, addressing))
      .filter((endpoint) => endpoint !== null),
  };
}

function parseLbEndpoint(
  issues: Issues,
  path: string,
  endpoint: EnvoyConfigEndpointV3LbEndpoint,
  addressing: EndpointAddressing,
): Endpoint | null {
  if (endpoint.endpointName !== undefined) {
    issues.unsupport(`${path}.endpoint_name`, endpoint.endpointName);
    return null;
  }
  const target = parseTarget(issues, `${path}.endpoint.address`, endpoint, addressing);
  if (target === null) return null;
  return {
    ...target,
    key: formatAddress({ hostname: target.address, port: target.port }),
    health: parseEnum(issues, `${path}.health_status`, endpoint.healthStatus, HEALTH_STATUSES, "unknown"),
    weight: parseNumber(issues, `${path}.load_balancing_weight`, endpoint.loadBalancingWeight, 1, {
      min: 1,
      max: 0xffffffff,
    }),
    hostname: endpoint.endpoint?.hostname ?? "",
    metadata: parseMetadata(endpoint.metadata),
    healthCheck: parseEndpointHealthCheck(
      issues,
      `${path}.endpoint.health_check_config`,
      endpoint.endpoint?.healthCheckConfig,
    ),
  };
}

type Target = Pick<Endpoint, "address" | "port" | "internalListener">;

function parseTarget(
  issues: Issues,
  path: string,
  endpoint: EnvoyConfigEndpointV3LbEndpoint,
  addressing: EndpointAddressing,
): Target | null {
  const internal = endpoint.endpoint?.address?.envoyInternalAddress;
  if (internal !== undefined) {
    const listener = required(
      issues,
      `${path}.envoy_internal_address.server_listener_name`,
      internal.serverListenerName,
    );
    return { ...splitEndpointId(internal.endpointId || listener), internalListener: listener };
  }
  const socket = parseSocketAddress(issues, path, endpoint.endpoint?.address);
  if (socket === null) return null;
  if (addressing === "ip" && socket.hostname !== "" && parseIp(socket.hostname) === null) {
    issues.invalid(`${path}.socket_address.address`, "it must be an IP address", socket.hostname);
  }
  return { address: socket.hostname, port: socket.port, internalListener: null };
}

/** Istio puts `ip:port` of the workload into the id of an HBONE endpoint; anything else is an opaque id. */
function splitEndpointId(id: string): { address: string; port: number } {
  const [, ipv6, ipv4, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(id) ?? [];
  const address = ipv6 ?? ipv4;
  return address === undefined ? { address: id, port: 0 } : { address, port: Number(port) };
}
