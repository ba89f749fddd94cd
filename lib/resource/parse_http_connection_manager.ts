import type {
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpConnectionManager as Message,
} from "../protobuf/gen/messages.ts";
import type { ParseResult } from "./common.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { HttpConnectionManager } from "./http_connection_manager.ts";
import type { Issues } from "./issues.ts";
import { parseAccessLogs } from "./parse_access_log.ts";
import {
  checkNumber,
  flag,
  isAds,
  parseDuration,
  parseEnum,
  parseMessage,
  parseNumber,
  required,
} from "./parse_common.ts";
import { parseHttpFilters, suppressesEnvoyHeaders } from "./parse_http_filter.ts";
import { parseRouteConfiguration } from "./parse_route.ts";
import { reportIgnored } from "./report_ignored.ts";

const CODECS = { AUTO: "auto", HTTP1: "http1", HTTP2: "http2" } as const;
const SERVER_HEADER = {
  OVERWRITE: "overwrite",
  APPEND_IF_ABSENT: "append_if_absent",
  PASS_THROUGH: "pass_through",
} as const;
const CLIENT_CERT = {
  SANITIZE: "sanitize",
  FORWARD_ONLY: "forward_only",
  APPEND_FORWARD: "append_forward",
  SANITIZE_SET: "sanitize_set",
  ALWAYS_FORWARD_ONLY: "always_forward_only",
} as const;
const ESCAPED_SLASHES = {
  IMPLEMENTATION_SPECIFIC_DEFAULT: "keep",
  KEEP_UNCHANGED: "keep",
  REJECT_REQUEST: "reject",
  UNESCAPE_AND_REDIRECT: "unescape_and_redirect",
  UNESCAPE_AND_FORWARD: "unescape_and_forward",
} as const;
const UNDERSCORES = { ALLOW: "allow", REJECT_REQUEST: "reject", DROP_HEADER: "drop" } as const;
const IGNORED_PARTS = [
  // The caller is then the connection's, and what internal callers may say is kept: no sidecar of Istio has it.
  "use_remote_address",
  "add_user_agent",
  "append_local_overload",
  "scheme_header_transformation",
  "path_normalization_options",
  "typed_header_validation_config",
] as const;
const FIVE_MINUTES = 300_000;
const ONE_HOUR = 3_600_000;

/** Reads the bytes of an `http_connection_manager`. */
export function parseHttpConnectionManager(
  bytes: Uint8Array,
  parsers: FilterParsers,
): ParseResult<HttpConnectionManager | null> {
  return parseMessage(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    bytes,
    (issues, message) => readHttpConnectionManager(issues, "", message, parsers),
  );
}

/**
 * Reads an `http_connection_manager`. `path` is empty or ends with a dot.
 *
 * @returns `null` where something that every request needs is unsupported: the chain must refuse connections.
 */
export function readHttpConnectionManager(
  issues: Issues,
  path: string,
  message: Message,
  parsers: FilterParsers,
): HttpConnectionManager | null {
  const routes = parseRoutes(issues, path, message, parsers);
  const http3 = message.codecType === "HTTP3";
  if (http3) issues.unsupport(`${path}codec_type`, "HTTP3");
  reportUnsupportedParts(issues, path, message);
  const common = message.commonHttpProtocolOptions;
  const commonPath = `${path}common_http_protocol_options`;
  const details = message.setCurrentClientCertDetails;
  if (message.stripAnyHostPort === true && message.stripMatchingHostPort === true) {
    issues.invalid(`${path}strip_any_host_port`, "it cannot stand beside 'strip_matching_host_port'");
  }
  const manager: Omit<HttpConnectionManager, "routes"> = {
    statPrefix: required(issues, `${path}stat_prefix`, message.statPrefix),
    codec: http3 ? "auto" : parseEnum(issues, `${path}codec_type`, message.codecType, CODECS, "auto"),
    httpFilters: parseHttpFilters(issues, `${path}http_filters`, message.httpFilters, parsers),
    tracing: message.tracing !== undefined,
    suppressEnvoyHeaders: suppressesEnvoyHeaders(message.httpFilters),
    accessLogs: parseAccessLogs(issues, `${path}access_log`, message.accessLog),
    serverName: message.serverName || null,
    serverHeaderTransformation: parseEnum(
      issues,
      `${path}server_header_transformation`,
      message.serverHeaderTransformation,
      SERVER_HEADER,
      "overwrite",
    ),
    forwardClientCert: parseEnum(
      issues,
      `${path}forward_client_cert_details`,
      message.forwardClientCertDetails,
      CLIENT_CERT,
      "sanitize",
    ),
    setCurrentClientCert: {
      subject: flag(details?.subject, false),
      cert: details?.cert ?? false,
      chain: details?.chain ?? false,
      dns: details?.dns ?? false,
      uri: details?.uri ?? false,
    },
    xffNumTrustedHops: checkNumber(issues, `${path}xff_num_trusted_hops`, message.xffNumTrustedHops ?? 0),
    via: message.via || null,
    appendForwardedPort: message.appendXForwardedPort ?? false,
    generateRequestId: flag(message.generateRequestId, true),
    preserveExternalRequestId: message.preserveExternalRequestId ?? false,
    alwaysSetRequestIdInResponse: message.alwaysSetRequestIdInResponse ?? false,
    normalizePath: flag(message.normalizePath, false),
    mergeSlashes: message.mergeSlashes ?? false,
    pathWithEscapedSlashes: parseEnum(
      issues,
      `${path}path_with_escaped_slashes_action`,
      message.pathWithEscapedSlashesAction,
      ESCAPED_SLASHES,
      "keep",
    ),
    upgrades: parseUpgrades(issues, path, message),
    streamIdleTimeoutMs: parseDuration(issues, `${path}stream_idle_timeout`, message.streamIdleTimeout, FIVE_MINUTES),
    requestTimeoutMs: parseDuration(issues, `${path}request_timeout`, message.requestTimeout, 0),
    requestHeadersTimeoutMs: parseDuration(
      issues,
      `${path}request_headers_timeout`,
      message.requestHeadersTimeout,
      0,
    ),
    idleTimeoutMs: parseDuration(issues, `${commonPath}.idle_timeout`, common?.idleTimeout, ONE_HOUR),
    maxRequestHeadersKb: parseNumber(issues, `${path}max_request_headers_kb`, message.maxRequestHeadersKb, 60, {
      min: 1,
      max: 8192,
    }),
    maxHeadersCount: parseNumber(issues, `${commonPath}.max_headers_count`, common?.maxHeadersCount, 100, { min: 1 }),
    acceptHttp10: message.httpProtocolOptions?.acceptHttp_10 ?? false,
    stripMatchingHostPort: message.stripMatchingHostPort ?? false,
    stripAnyHostPort: message.stripAnyHostPort ?? false,
    stripTrailingHostDot: message.stripTrailingHostDot ?? false,
    headersWithUnderscores: parseEnum(
      issues,
      `${commonPath}.headers_with_underscores_action`,
      common?.headersWithUnderscoresAction,
      UNDERSCORES,
      "allow",
    ),
    maxConnectionDurationMs: parseDuration(
      issues,
      `${commonPath}.max_connection_duration`,
      common?.maxConnectionDuration,
      0,
    ),
    maxStreamDurationMs: parseDuration(issues, `${commonPath}.max_stream_duration`, common?.maxStreamDuration, 0),
    maxRequestsPerConnection: parseNumber(
      issues,
      `${commonPath}.max_requests_per_connection`,
      common?.maxRequestsPerConnection,
      0,
    ),
    maxConcurrentStreams: message.http2ProtocolOptions?.maxConcurrentStreams?.value ?? null,
  };
  return routes === null || http3 ? null : { ...manager, routes };
}

function parseRoutes(
  issues: Issues,
  path: string,
  message: Message,
  parsers: FilterParsers,
): HttpConnectionManager["routes"] | null {
  if (message.rds !== undefined) {
    const name = required(issues, `${path}rds.route_config_name`, message.rds.routeConfigName);
    return isAds(issues, `${path}rds.config_source`, message.rds.configSource) ? { rds: name } : null;
  }
  if (message.routeConfig !== undefined) {
    return { inline: parseRouteConfiguration(issues, `${path}route_config.`, message.routeConfig, parsers) };
  }
  if (message.scopedRoutes !== undefined) issues.unsupport(`${path}scoped_routes`, message.scopedRoutes.name ?? "");
  else issues.invalid(`${path}route_config`, "routes must be given in place or by name");
  return null;
}

/** What changes requests before anything else sees them; leaving it out is reported, and safe. */
function reportUnsupportedParts(issues: Issues, path: string, message: Message): void {
  for (const [index, extension] of (message.originalIpDetectionExtensions ?? []).entries()) {
    issues.unsupport(`${path}original_ip_detection_extensions[${index}]`, extension.name ?? "");
  }
  for (const [index, extension] of (message.earlyHeaderMutationExtensions ?? []).entries()) {
    issues.unsupport(`${path}early_header_mutation_extensions[${index}]`, extension.name ?? "");
  }
  if (message.internalAddressConfig?.cidrRanges !== undefined) {
    issues.unsupport(`${path}internal_address_config`, "internal_address_config");
  }
  reportIgnored(issues, path, message, IGNORED_PARTS);
  if (message.proxyStatusConfig !== undefined) issues.unsupport(`${path}proxy_status_config`, "proxy_status_config");
  const keyFormat = message.httpProtocolOptions?.headerKeyFormat;
  if (keyFormat !== undefined) {
    issues.unsupport(`${path}http_protocol_options.header_key_format`, Object.keys(keyFormat).join(", "));
  }
  if (message.localReplyConfig !== undefined) issues.unsupport(`${path}local_reply_config`, "local_reply_config");
}

function parseUpgrades(issues: Issues, path: string, message: Message): string[] {
  const out: string[] = [];
  for (const [index, upgrade] of (message.upgradeConfigs ?? []).entries()) {
    const upgradePath = `${path}upgrade_configs[${index}]`;
    const type = required(issues, `${upgradePath}.upgrade_type`, upgrade.upgradeType).toLowerCase();
    if (!flag(upgrade.enabled, true)) continue;
    // A chain of its own may hold the policies of this upgrade: without it the upgrade is not allowed.
    if (upgrade.filters !== undefined) issues.unsupport(`${upgradePath}.filters`, type);
    else out.push(type);
  }
  return out;
}
