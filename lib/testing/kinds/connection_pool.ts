import type { Fields } from "../fields.ts";

/** Keep-alive probes of TCP; times in seconds, `undefined` for the system's. */
export interface TcpKeepalive {
  readonly probes: number | undefined;
  readonly timeSeconds: number | undefined;
  readonly intervalSeconds: number | undefined;
}

/** Limits of a cluster; `undefined` means istiod's default. Times in milliseconds. */
export interface ConnectionPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  readonly tcpIdleTimeoutMs: number | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly http1MaxPendingRequests: number | undefined;
  readonly http2MaxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly httpIdleTimeoutMs: number | undefined;
  readonly maxConcurrentStreams: number | undefined;
  /** Pings of HTTP/2. */
  readonly http2KeepAlive:
    | { readonly intervalMs: number | undefined; readonly timeoutMs: number | undefined }
    | undefined;
  readonly h2Upgrade: boolean;
  /** Whether requests leave in the protocol in which they came. */
  readonly useClientProtocol: boolean;
}

/** Reads `connectionPool`, `undefined` where absent. A limit of 0 is none, as in Istio. */
export function parseConnectionPool(fields: Fields | undefined): ConnectionPool | undefined {
  if (fields === undefined) return undefined;
  fields.only("tcp", "http");
  const tcp = fields.object("tcp");
  tcp?.only("maxConnections", "connectTimeout", "maxConnectionDuration", "idleTimeout", "tcpKeepalive");
  const http = fields.object("http");
  http?.only(
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "maxRequestsPerConnection",
    "maxRetries",
    "idleTimeout",
    "maxConcurrentStreams",
    "http2KeepAlive",
    "h2UpgradePolicy",
    "useClientProtocol",
  );
  const limit = (of: Fields | undefined, name: string): number | undefined => of?.number(name) || undefined;
  const useClientProtocol = http?.boolean("useClientProtocol") ?? false;
  const upgrade = http?.oneOf("h2UpgradePolicy", ["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]) === "UPGRADE";
  if (upgrade && useClientProtocol) {
    throw http!.error("useClientProtocol", "must not be true beside 'h2UpgradePolicy: UPGRADE'");
  }
  return {
    maxConnections: limit(tcp, "maxConnections"),
    connectTimeoutMs: tcp?.durationMs("connectTimeout"),
    maxConnectionDurationMs: tcp?.durationMs("maxConnectionDuration"),
    tcpIdleTimeoutMs: tcp?.durationMs("idleTimeout"),
    tcpKeepalive: parseKeepalive(tcp?.object("tcpKeepalive")),
    http1MaxPendingRequests: limit(http, "http1MaxPendingRequests"),
    http2MaxRequests: limit(http, "http2MaxRequests"),
    maxRequestsPerConnection: limit(http, "maxRequestsPerConnection"),
    maxRetries: limit(http, "maxRetries"),
    httpIdleTimeoutMs: http?.durationMs("idleTimeout"),
    maxConcurrentStreams: limit(http, "maxConcurrentStreams"),
    http2KeepAlive: parsePings(http?.object("http2KeepAlive")),
    h2Upgrade: upgrade,
    useClientProtocol,
  };
}

function parseKeepalive(fields: Fields | undefined): TcpKeepalive | undefined {
  if (fields === undefined) return undefined;
  fields.only("probes", "time", "interval");
  const seconds = (name: string): number | undefined => {
    const ms = fields.durationMs(name);
    return ms === undefined ? undefined : Math.trunc(ms / 1000);
  };
  return {
    probes: fields.number("probes") || undefined,
    timeSeconds: seconds("time"),
    intervalSeconds: seconds("interval"),
  };
}

function parsePings(fields: Fields | undefined): ConnectionPool["http2KeepAlive"] {
  if (fields === undefined) return undefined;
  fields.only("interval", "timeout");
  return { intervalMs: fields.durationMs("interval"), timeoutMs: fields.durationMs("timeout") };
}
