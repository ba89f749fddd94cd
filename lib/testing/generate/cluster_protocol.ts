import type { EnvoyExtensionsUpstreamsHttpV3HttpProtocolOptions as HttpProtocolOptions } from "../../protobuf/gen/messages.ts";
import type { ConnectionPool } from "../kinds/connection_pool.ts";
import { isHttp2, type PortProtocol } from "../kinds/service.ts";
import type { TrafficPolicy } from "../kinds/traffic_policy.ts";
import { duration } from "./context.ts";

/** Whether requests to a port leave as HTTP/2. A detected port keeps the protocol of its callers. */
export function speaksHttp2(protocol: PortProtocol, pool: ConnectionPool | undefined, upgrades = true): boolean {
  if (pool?.useClientProtocol === true) return false;
  return isHttp2(protocol) || (upgrades && protocol !== "auto" && pool?.h2Upgrade === true);
}

/**
 * HTTP settings of a cluster.
 *
 * @param kind `"inbound"` without upgrades and TLS origination, `"untouched"` without TLS origination.
 * @returns `undefined` where there are none.
 */
export function protocolOptions(
  protocol: PortProtocol,
  policy: TrafficPolicy,
  kind: "outbound" | "untouched" | "inbound",
): HttpProtocolOptions | undefined {
  const pool = policy.connectionPool;
  const common = commonOptions(pool);
  const upstream = kind === "outbound" ? originationNames(policy) : undefined;
  const http2 = speaksHttp2(protocol, pool, kind !== "inbound");
  const asClients = protocol === "auto" || pool?.useClientProtocol === true;
  if (common === undefined && upstream === undefined && !http2 && !asClients) return undefined;
  return {
    ...(common === undefined ? {} : { commonHttpProtocolOptions: common }),
    ...(upstream === undefined ? {} : { upstreamHttpProtocolOptions: upstream }),
    ...(asClients ? { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } } : {
      explicitHttpConfig: http2 ? { http2ProtocolOptions: http2Options(pool) } : { httpProtocolOptions: {} },
    }),
  };
}

type CommonOptions = NonNullable<HttpProtocolOptions["commonHttpProtocolOptions"]>;

/** `undefined` where the pool says nothing about HTTP connections. */
function commonOptions(pool: ConnectionPool | undefined): CommonOptions | undefined {
  if (pool === undefined) return undefined;
  const idleMs = pool.httpIdleTimeoutMs ?? pool.tcpIdleTimeoutMs;
  const common: CommonOptions = {
    ...(idleMs === undefined ? {} : { idleTimeout: duration(idleMs) }),
    ...(pool.maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDuration: duration(pool.maxConnectionDurationMs) }),
    ...(pool.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: { value: pool.maxRequestsPerConnection } }),
  };
  const empty = Object.keys(common).length === 0;
  return empty && pool.maxConcurrentStreams === undefined && pool.http2KeepAlive === undefined ? undefined : common;
}

type Http2Options = NonNullable<NonNullable<HttpProtocolOptions["explicitHttpConfig"]>["http2ProtocolOptions"]>;

function http2Options(pool: ConnectionPool | undefined): Http2Options {
  const { maxConcurrentStreams, http2KeepAlive } = pool ?? {};
  return {
    ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: { value: maxConcurrentStreams } }),
    ...(http2KeepAlive === undefined ? {} : {
      connectionKeepalive: {
        ...(http2KeepAlive.intervalMs === undefined ? {} : { interval: duration(http2KeepAlive.intervalMs) }),
        ...(http2KeepAlive.timeoutMs === undefined ? {} : { timeout: duration(http2KeepAlive.timeoutMs) }),
      },
    }),
  };
}

/** TLS origination without a name of its own takes it, and the SAN to expect, from the request. */
function originationNames({ tls }: TrafficPolicy): HttpProtocolOptions["upstreamHttpProtocolOptions"] {
  if (tls === undefined || (tls.mode !== "SIMPLE" && tls.mode !== "MUTUAL") || tls.sni !== undefined) return undefined;
  const validates = !tls.insecureSkipVerify && tls.subjectAltNames.length === 0;
  return { autoSni: true, ...(validates ? { autoSanValidation: true } : {}) };
}
