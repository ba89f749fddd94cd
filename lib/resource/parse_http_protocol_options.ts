import type {
  EnvoyConfigClusterV3Cluster,
  EnvoyConfigCoreV3Http2ProtocolOptions,
  EnvoyConfigCoreV3HttpProtocolOptions,
  EnvoyConfigCoreV3UpstreamHttpProtocolOptions,
  EnvoyExtensionsUpstreamsHttpV3HttpProtocolOptions,
} from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import type { Http2Keepalive, HttpProtocolOptions } from "./cluster.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseDuration, parseNumber, parsePositiveDuration } from "./parse_common.ts";
import { reportIgnored } from "./report_ignored.ts";

/** The key of the extension among a cluster's `typed_extension_protocol_options`, and its message. */
export const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const NAME = HTTP_PROTOCOL_OPTIONS;
const ONE_HOUR = 3_600_000;

/** HTTP towards a cluster: from the typed extension, or from the older fields of the cluster itself. */
export function parseHttpProtocolOptions(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): HttpProtocolOptions {
  const any = cluster.typedExtensionProtocolOptions?.[NAME];
  if (any === undefined) return parseOlderFields(issues, cluster);
  const path = `typed_extension_protocol_options[${NAME}]`;
  try {
    if (messageName(any.typeUrl ?? "") === NAME) return parseExtension(issues, path, unpackAny(NAME, any));
    issues.invalid(path, `it must be a '${NAME}'`, any.typeUrl);
  } catch (error) {
    issues.invalid(path, `it cannot be read (${reasonOf(error)})`);
  }
  return parseOlderFields(issues, cluster);
}

function parseExtension(
  issues: Issues,
  path: string,
  options: EnvoyExtensionsUpstreamsHttpV3HttpProtocolOptions,
): HttpProtocolOptions {
  for (const filter of options.httpFilters ?? []) {
    // The codec filter ends every upstream chain and has nothing to configure.
    if (filter.name !== "envoy.filters.http.upstream_codec") {
      issues.unsupport(`${path}.http_filters`, filter.name ?? "");
    }
  }
  const { explicitHttpConfig, useDownstreamProtocolConfig, autoConfig } = options;
  let protocol: HttpProtocolOptions["protocol"] = "http1";
  if (explicitHttpConfig !== undefined) {
    if (explicitHttpConfig.http3ProtocolOptions !== undefined) {
      issues.unsupport(`${path}.explicit_http_config`, "http3_protocol_options");
    }
    if (explicitHttpConfig.http2ProtocolOptions !== undefined) protocol = "http2";
  } else if (useDownstreamProtocolConfig !== undefined) protocol = "downstream";
  else if (autoConfig !== undefined) protocol = "auto";
  else issues.invalid(path, "it must say which protocol to speak");
  const http1 = explicitHttpConfig?.httpProtocolOptions ?? useDownstreamProtocolConfig?.httpProtocolOptions ??
    autoConfig?.httpProtocolOptions;
  if (http1?.headerKeyFormat !== undefined) {
    issues.unsupport(`${path}.http_protocol_options.header_key_format`, Object.keys(http1.headerKeyFormat).join(", "));
  }
  if (http1 !== undefined) {
    reportIgnored(issues, `${path}.http_protocol_options.`, http1, ["send_fully_qualified_url"]);
  }
  const http2 = explicitHttpConfig?.http2ProtocolOptions ?? useDownstreamProtocolConfig?.http2ProtocolOptions ??
    autoConfig?.http2ProtocolOptions;
  return {
    protocol,
    ...parseShared(issues, path, options.commonHttpProtocolOptions, http2, options.upstreamHttpProtocolOptions),
  };
}

function parseOlderFields(issues: Issues, cluster: EnvoyConfigClusterV3Cluster): HttpProtocolOptions {
  const common = { ...cluster.commonHttpProtocolOptions };
  common.maxRequestsPerConnection ??= cluster.maxRequestsPerConnection ?? { value: 0 };
  return {
    protocol: cluster.protocolSelection === "USE_DOWNSTREAM_PROTOCOL"
      ? "downstream"
      : cluster.http2ProtocolOptions !== undefined
      ? "http2"
      : "http1",
    ...parseShared(
      issues,
      "common_http_protocol_options",
      common,
      cluster.http2ProtocolOptions,
      cluster.upstreamHttpProtocolOptions,
    ),
  };
}

function parseShared(
  issues: Issues,
  path: string,
  common: EnvoyConfigCoreV3HttpProtocolOptions | undefined,
  http2: EnvoyConfigCoreV3Http2ProtocolOptions | undefined,
  upstream: EnvoyConfigCoreV3UpstreamHttpProtocolOptions | undefined,
): Omit<HttpProtocolOptions, "protocol"> {
  return {
    idleTimeoutMs: parseDuration(issues, `${path}.idle_timeout`, common?.idleTimeout, ONE_HOUR),
    maxRequestsPerConnection: parseNumber(
      issues,
      `${path}.max_requests_per_connection`,
      common?.maxRequestsPerConnection,
      0,
    ),
    maxConnectionDurationMs: parseDuration(
      issues,
      `${path}.max_connection_duration`,
      common?.maxConnectionDuration,
      0,
    ),
    maxConcurrentStreams: parseNumber(issues, `${path}.max_concurrent_streams`, http2?.maxConcurrentStreams, 0),
    http2Keepalive: parseKeepalive(issues, `${path}.http2_protocol_options.connection_keepalive`, http2),
    autoSni: parseAutoSni(issues, path, upstream),
    autoSanValidation: upstream?.autoSanValidation ?? false,
  };
}

function parseAutoSni(
  issues: Issues,
  path: string,
  upstream: EnvoyConfigCoreV3UpstreamHttpProtocolOptions | undefined,
): boolean {
  const header = upstream?.overrideAutoSniHeader ?? "";
  if (header !== "") issues.unsupport(`${path}.upstream_http_protocol_options.override_auto_sni_header`, header);
  return upstream?.autoSni ?? false;
}

/**
 * `connection_keepalive`. Envoy's default jitter is left out, connections begin at times of their own; one that is asked
 * for is reported, as is `connection_idle_interval`: a dead connection is found by the first request after a pause.
 */
function parseKeepalive(
  issues: Issues,
  path: string,
  http2: EnvoyConfigCoreV3Http2ProtocolOptions | undefined,
): Http2Keepalive | null {
  const keepalive = http2?.connectionKeepalive;
  if (keepalive === undefined) return null;
  if (keepalive.connectionIdleInterval !== undefined) {
    issues.unsupport(`${path}.connection_idle_interval`, "connection_idle_interval");
  }
  if ((keepalive.intervalJitter?.value ?? 0) > 0) issues.unsupport(`${path}.interval_jitter`, "interval_jitter");
  if (keepalive.timeout === undefined) issues.invalid(`${path}.timeout`, "it must be given");
  const timeoutMs = parsePositiveDuration(issues, `${path}.timeout`, keepalive.timeout, 10_000);
  const intervalMs = parsePositiveDuration(issues, `${path}.interval`, keepalive.interval, null);
  return intervalMs === null ? null : { intervalMs, timeoutMs };
}
