import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigCoreV3HealthCheck,
  EnvoyConfigCoreV3HealthCheckHttpHealthCheck,
  EnvoyConfigCoreV3HealthCheckPayload,
  EnvoyConfigCoreV3HealthCheckTcpHealthCheck,
  EnvoyConfigEndpointV3EndpointHealthCheckConfig,
  EnvoyTypeV3Int64Range,
} from "../protobuf/gen/messages.ts";
import { structToJson } from "../protobuf/well_known.ts";
import type { HttpProtocolOptions } from "./cluster.ts";
import type {
  EndpointHealthCheck,
  GrpcHealthCheck,
  HealthCheck,
  HttpHealthCheck,
  StatusRange,
  TcpHealthCheck,
} from "./health_check.ts";
import type { Issues } from "./issues.ts";
import {
  checkNumber,
  flag,
  parseDuration,
  parseEnum,
  parseNumber,
  parsePositiveDuration,
  parseSocketAddress,
  parseStringMatch,
  required,
} from "./parse_common.ts";
import { parseHeaderMutations } from "./parse_header_mutations.ts";

const CODECS = { HTTP1: "http1", HTTP2: "http2", HTTP3: "http3" } as const;
const METHODS = {
  METHOD_UNSPECIFIED: "GET",
  GET: "GET",
  HEAD: "HEAD",
  POST: "POST",
  PUT: "PUT",
  DELETE: "DELETE",
  OPTIONS: "OPTIONS",
  TRACE: "TRACE",
  PATCH: "PATCH",
} as const;
/** Requests of these methods carry no content (Envoy refuses a payload with them). */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "TRACE"]);
/** Envoy's `response_buffer_size` where none is given. */
const RESPONSE_BUFFER_BYTES = 1024;
const MAX_UINT32 = 0xffffffff;

/** The active health check of a cluster; `null` where it has none, or one that is not supported (reported). */
export function parseHealthCheck(
  issues: Issues,
  cluster: EnvoyConfigClusterV3Cluster,
  http: HttpProtocolOptions,
): HealthCheck | null {
  const checks = cluster.healthChecks ?? [];
  for (let index = 1; index < checks.length; index++) {
    issues.unsupport(`health_checks[${index}]`, "more than one health check");
  }
  const check = checks[0];
  if (check === undefined) return null;
  const path = "health_checks[0]";
  const what = parseWhat(issues, path, check, http);
  if (check.eventService !== undefined) issues.unsupport(`${path}.event_service`, "event_service");
  const intervalMs = requiredDuration(issues, `${path}.interval`, check.interval);
  const positive = (name: string, duration: typeof check.interval, fallback: number) =>
    parsePositiveDuration(issues, `${path}.${name}`, duration, fallback);
  const noTrafficIntervalMs = positive("no_traffic_interval", check.noTrafficInterval, 60_000);
  const unhealthyIntervalMs = positive("unhealthy_interval", check.unhealthyInterval, intervalMs);
  const rest = {
    timeoutMs: requiredDuration(issues, `${path}.timeout`, check.timeout),
    intervalMs,
    initialJitterMs: parseDuration(issues, `${path}.initial_jitter`, check.initialJitter, 0),
    intervalJitterMs: parseDuration(issues, `${path}.interval_jitter`, check.intervalJitter, 0),
    intervalJitterPercent: check.intervalJitterPercent ?? 0,
    unhealthyThreshold: requiredNumber(issues, `${path}.unhealthy_threshold`, check.unhealthyThreshold),
    healthyThreshold: requiredNumber(issues, `${path}.healthy_threshold`, check.healthyThreshold),
    reuseConnection: flag(check.reuseConnection, true),
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: positive(
      "no_traffic_healthy_interval",
      check.noTrafficHealthyInterval,
      noTrafficIntervalMs,
    ),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: positive("unhealthy_edge_interval", check.unhealthyEdgeInterval, unhealthyIntervalMs),
    healthyEdgeIntervalMs: positive("healthy_edge_interval", check.healthyEdgeInterval, intervalMs),
    ignoreNewHosts: cluster.commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    alwaysLogFailures: check.alwaysLogHealthCheckFailures ?? false,
    alwaysLogSuccess: check.alwaysLogHealthCheckSuccess ?? false,
    alpn: check.tlsOptions === undefined ? null : check.tlsOptions.alpnProtocols ?? [],
    transportSocketMatch: check.transportSocketMatchCriteria === undefined
      ? null
      : structToJson(check.transportSocketMatchCriteria),
  };
  return what === null ? null : { what, ...rest };
}

/** How an endpoint wants to be checked; `null` where it says nothing about that. */
export function parseEndpointHealthCheck(
  issues: Issues,
  path: string,
  config: EnvoyConfigEndpointV3EndpointHealthCheckConfig | undefined,
): EndpointHealthCheck | null {
  if (config === undefined) return null;
  const address = config.address === undefined ? null : parseSocketAddress(issues, `${path}.address`, config.address);
  return {
    address: address?.hostname ?? null,
    port: checkNumber(issues, `${path}.port_value`, config.portValue ?? address?.port ?? 0, { max: 65_535 }),
    hostname: config.hostname ?? "",
    disabled: config.disableActiveHealthCheck ?? false,
  };
}

function parseWhat(
  issues: Issues,
  path: string,
  check: EnvoyConfigCoreV3HealthCheck,
  http: HttpProtocolOptions,
): HealthCheck["what"] | null {
  if (check.httpHealthCheck !== undefined) {
    return parseHttp(issues, `${path}.http_health_check`, check.httpHealthCheck);
  }
  if (check.tcpHealthCheck !== undefined) return parseTcp(issues, `${path}.tcp_health_check`, check.tcpHealthCheck);
  if (check.grpcHealthCheck !== undefined) {
    if (http.protocol === "http1") {
      issues.invalid(`${path}.grpc_health_check`, "a cluster must speak HTTP/2 for gRPC health checks", "HTTP/1.1");
    }
    return parseGrpc(issues, `${path}.grpc_health_check`, check);
  }
  if (check.customHealthCheck !== undefined) {
    issues.unsupport(`${path}.custom_health_check`, check.customHealthCheck.name ?? "");
  } else {
    issues.invalid(path, "it must say how to check (http_health_check, tcp_health_check, grpc_health_check)");
  }
  return null;
}

function parseHttp(
  issues: Issues,
  path: string,
  check: EnvoyConfigCoreV3HealthCheckHttpHealthCheck,
): HttpHealthCheck | null {
  const protocol = parseEnum(issues, `${path}.codec_client_type`, check.codecClientType, CODECS, "http1");
  const method = parseEnum(issues, `${path}.method`, check.method, METHODS, "GET");
  const send = check.send === undefined ? null : parsePayload(issues, `${path}.send`, check.send);
  if (send !== null && WITHOUT_CONTENT.has(method)) {
    issues.invalid(`${path}.send`, "a request of this method has no content", method);
  }
  const receive = parsePayloads(issues, `${path}.receive`, check.receive);
  const responseBufferSize = parseNumber(
    issues,
    `${path}.response_buffer_size`,
    check.responseBufferSize,
    RESPONSE_BUFFER_BYTES,
  );
  const wanted = receive.reduce((sum, { length }) => sum + length, 0);
  if (responseBufferSize !== 0 && wanted > responseBufferSize) {
    issues.invalid(`${path}.receive`, `it must fit into 'response_buffer_size' of '${responseBufferSize}'`, wanted);
  }
  const expected = parseStatuses(issues, `${path}.expected_statuses`, check.expectedStatuses);
  const parsed = {
    kind: "http" as const,
    host: check.host ?? "",
    path: required(issues, `${path}.path`, check.path),
    method,
    headers: parseHeaderMutations(issues, `${path}.`, check),
    send,
    receive,
    responseBufferSize,
    expectedStatuses: expected.length > 0 ? expected : [{ start: 200, end: 201 }],
    retriableStatuses: parseStatuses(issues, `${path}.retriable_statuses`, check.retriableStatuses),
    serviceName: check.serviceNameMatcher === undefined
      ? null
      : parseStringMatch(issues, `${path}.service_name_matcher`, check.serviceNameMatcher),
  };
  if (protocol === "http3") {
    issues.unsupport(`${path}.codec_client_type`, "HTTP3");
    return null;
  }
  return { ...parsed, protocol };
}

function parseGrpc(issues: Issues, path: string, check: EnvoyConfigCoreV3HealthCheck): GrpcHealthCheck {
  const { serviceName = "", authority = "", initialMetadata } = check.grpcHealthCheck!;
  return {
    kind: "grpc",
    serviceName,
    authority,
    headers: parseHeaderMutations(
      issues,
      `${path}.`,
      initialMetadata === undefined ? {} : { requestHeadersToAdd: initialMetadata },
    ),
  };
}

function parseTcp(
  issues: Issues,
  path: string,
  check: EnvoyConfigCoreV3HealthCheckTcpHealthCheck,
): TcpHealthCheck {
  if (check.proxyProtocolConfig !== undefined) {
    issues.unsupport(`${path}.proxy_protocol_config`, "proxy_protocol_config");
  }
  return {
    kind: "tcp",
    send: check.send === undefined ? new Uint8Array() : parsePayload(issues, `${path}.send`, check.send),
    receive: parsePayloads(issues, `${path}.receive`, check.receive),
  };
}

function parsePayloads(
  issues: Issues,
  path: string,
  payloads: readonly EnvoyConfigCoreV3HealthCheckPayload[] = [],
): Uint8Array[] {
  return payloads.map((payload, index) => parsePayload(issues, `${path}[${index}]`, payload));
}

/** Bytes as they are, or written in hexadecimal. */
function parsePayload(issues: Issues, path: string, payload: EnvoyConfigCoreV3HealthCheckPayload): Uint8Array {
  const { text, binary } = payload;
  if (binary !== undefined) return binary;
  if (text === undefined || !/^([0-9a-fA-F]{2})+$/.test(text)) {
    issues.invalid(`${path}.text`, "it must be bytes in hexadecimal", text ?? "");
    return new Uint8Array();
  }
  return Uint8Array.from(text.match(/../g)!, (digits) => parseInt(digits, 16));
}

function parseStatuses(issues: Issues, path: string, ranges: readonly EnvoyTypeV3Int64Range[] = []): StatusRange[] {
  return ranges.map(({ start = 0, end = 0 }, index) => {
    if (!(start >= 100 && start < end && end <= 600)) {
      issues.invalid(`${path}[${index}]`, "it must be a range within 100 to 600, end excluded", `${start}..${end}`);
    }
    return { start, end };
  });
}

function requiredDuration(issues: Issues, path: string, duration: EnvoyConfigCoreV3HealthCheck["timeout"]): number {
  const ms = parsePositiveDuration(issues, path, duration, null);
  if (ms === null) issues.invalid(path, "it must be given");
  return ms ?? 1;
}

function requiredNumber(issues: Issues, path: string, wrapper: { value?: number } | undefined): number {
  if (wrapper === undefined) issues.invalid(path, "it must be given");
  return parseNumber(issues, path, wrapper, 1, { max: MAX_UINT32 });
}
