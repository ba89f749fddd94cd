import type { Fields } from "../fields.ts";
import { type Kind, specOf } from "./kind.ts";

/** How a cluster picks an endpoint. */
export type LoadBalancer = "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM" | "PASSTHROUGH";

/** Endpoints that are new get less than their share at first. */
export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number;
  readonly aggression: number;
}

/** How many retries may run, as a share of the requests under way. */
export interface RetryBudget {
  readonly percent: number;
  readonly minRetryConcurrency: number;
}

/** Keep-alive probes of TCP; times in seconds, `undefined` for the system's. */
export interface TcpKeepalive {
  readonly probes: number | undefined;
  readonly timeSeconds: number | undefined;
  readonly intervalSeconds: number | undefined;
}

/** TLS towards the endpoints. */
export interface ClientTls {
  readonly mode: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly sni: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly clientCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly insecureSkipVerify: boolean;
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
  readonly h2Upgrade: boolean;
}

/** When an endpoint is ejected; `undefined` means Envoy's default. Times in milliseconds. */
export interface OutlierDetection {
  readonly consecutive5xxErrors: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  readonly minHealthPercent: number | undefined;
}

/** The policy of a host, a subset or a port. */
export interface TrafficPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly warmup: Warmup | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  /** Replaces the whole policy for a port: nothing is inherited. */
  readonly ports: ReadonlyMap<number, TrafficPolicy>;
}

/** A named part of a host's endpoints. */
export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: TrafficPolicy | undefined;
}

/** An Istio DestinationRule. */
export interface DestinationRule {
  /** As written: short names are relative to the rule's namespace. */
  readonly host: string;
  readonly policy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
}

/** `networking.istio.io DestinationRule`: subsets, load balancer, connection pool, outlier detection, TLS, port level. */
export const destinationRuleKind: Kind<"DestinationRule", DestinationRule> = {
  kind: "DestinationRule",
  groups: ["networking.istio.io"],
  pushes: ["clusters", "endpoints", "listeners", "routes"],
  parse(_meta, document) {
    const spec = specOf(document);
    spec.only("host", "trafficPolicy", "subsets");
    return {
      host: spec.requiredString("host"),
      policy: parsePolicy(spec.object("trafficPolicy"), true),
      subsets: spec.list("subsets").map((subset) => {
        subset.only("name", "labels", "trafficPolicy");
        return {
          name: subset.requiredString("name"),
          labels: subset.stringMap("labels"),
          policy: parsePolicy(subset.object("trafficPolicy"), true),
        };
      }),
    };
  },
};

function parsePolicy(fields: Fields | undefined, withPorts: boolean): TrafficPolicy | undefined {
  if (fields === undefined) return undefined;
  const own = ["loadBalancer", "connectionPool", "outlierDetection", "tls", "retryBudget"];
  fields.only(...own, withPorts ? "portLevelSettings" : "port");
  const balancer = fields.object("loadBalancer");
  balancer?.only("simple", "warmup");
  const ports = new Map<number, TrafficPolicy>();
  for (const level of withPorts ? fields.list("portLevelSettings") : []) {
    const port = level.object("port")?.port("number");
    if (port === undefined) throw level.error("port.number", "is required");
    ports.set(port, parsePolicy(level, false)!);
  }
  return {
    loadBalancer: balancer?.oneOf("simple", ["LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"]),
    warmup: parseWarmup(balancer?.object("warmup")),
    retryBudget: parseBudget(fields.object("retryBudget")),
    connectionPool: parsePool(fields.object("connectionPool")),
    outlierDetection: parseOutlier(fields.object("outlierDetection")),
    tls: parseTls(fields.object("tls")),
    ports,
  };
}

function parseWarmup(fields: Fields | undefined): Warmup | undefined {
  if (fields === undefined) return undefined;
  fields.only("duration", "minimumPercent", "aggression");
  return {
    durationMs: fields.durationMs("duration") ?? 0,
    minimumPercent: fields.number("minimumPercent", 0, 100) ?? 10,
    aggression: fields.number("aggression", 1) ?? 1,
  };
}

function parseBudget(fields: Fields | undefined): RetryBudget | undefined {
  if (fields === undefined) return undefined;
  fields.only("percent", "minRetryConcurrency");
  return {
    percent: fields.number("percent", 0, 100) ?? 20,
    minRetryConcurrency: fields.number("minRetryConcurrency") ?? 3,
  };
}

function parseKeepalive(fields: Fields | undefined): TcpKeepalive | undefined {
  if (fields === undefined) return undefined;
  fields.only("probes", "time", "interval");
  const seconds = (name: string): number | undefined => {
    const ms = fields.durationMs(name);
    return ms === undefined ? undefined : Math.trunc(ms / 1000);
  };
  return { probes: fields.number("probes"), timeSeconds: seconds("time"), intervalSeconds: seconds("interval") };
}

function parsePool(fields: Fields | undefined): ConnectionPool | undefined {
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
    "h2UpgradePolicy",
  );
  return {
    maxConnections: tcp?.number("maxConnections"),
    connectTimeoutMs: tcp?.durationMs("connectTimeout"),
    maxConnectionDurationMs: tcp?.durationMs("maxConnectionDuration"),
    tcpIdleTimeoutMs: tcp?.durationMs("idleTimeout"),
    tcpKeepalive: parseKeepalive(tcp?.object("tcpKeepalive")),
    http1MaxPendingRequests: http?.number("http1MaxPendingRequests"),
    http2MaxRequests: http?.number("http2MaxRequests"),
    maxRequestsPerConnection: http?.number("maxRequestsPerConnection"),
    maxRetries: http?.number("maxRetries"),
    httpIdleTimeoutMs: http?.durationMs("idleTimeout"),
    maxConcurrentStreams: http?.number("maxConcurrentStreams"),
    h2Upgrade: http?.oneOf("h2UpgradePolicy", ["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]) === "UPGRADE",
  };
}

function parseOutlier(fields: Fields | undefined): OutlierDetection | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "consecutive5xxErrors",
    "consecutiveGatewayErrors",
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "minHealthPercent",
  );
  return {
    consecutive5xxErrors: fields.number("consecutive5xxErrors"),
    consecutiveGatewayErrors: fields.number("consecutiveGatewayErrors"),
    splitExternalLocalOriginErrors: fields.boolean("splitExternalLocalOriginErrors") ?? false,
    consecutiveLocalOriginFailures: fields.number("consecutiveLocalOriginFailures"),
    intervalMs: fields.durationMs("interval"),
    baseEjectionTimeMs: fields.durationMs("baseEjectionTime"),
    maxEjectionPercent: fields.number("maxEjectionPercent", 0, 100),
    minHealthPercent: fields.number("minHealthPercent", 0, 100),
  };
}

function parseTls(fields: Fields | undefined): ClientTls | undefined {
  if (fields === undefined) return undefined;
  fields.only(
    "mode",
    "sni",
    "subjectAltNames",
    "clientCertificate",
    "privateKey",
    "caCertificates",
    "insecureSkipVerify",
  );
  return {
    mode: fields.oneOf("mode", ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]) ?? "DISABLE",
    sni: fields.string("sni"),
    subjectAltNames: fields.strings("subjectAltNames"),
    clientCertificate: fields.string("clientCertificate"),
    privateKey: fields.string("privateKey"),
    caCertificates: fields.string("caCertificates"),
    insecureSkipVerify: fields.boolean("insecureSkipVerify") ?? false,
  };
}

/**
 * The policy of one port of a host or subset, merged as istiod merges: a subset overrides field by field, a port level
 * replaces everything.
 */
export function policyFor(rule: DestinationRule | undefined, subset: Subset | undefined, port: number): TrafficPolicy {
  const none: TrafficPolicy = {
    loadBalancer: undefined,
    warmup: undefined,
    retryBudget: undefined,
    connectionPool: undefined,
    outlierDetection: undefined,
    tls: undefined,
    ports: new Map(),
  };
  return override(override(none, rule?.policy, port), subset?.policy, port);
}

function override(base: TrafficPolicy, over: TrafficPolicy | undefined, port: number): TrafficPolicy {
  if (over === undefined) return base;
  return over.ports.get(port) ?? {
    loadBalancer: over.loadBalancer ?? base.loadBalancer,
    warmup: over.warmup ?? base.warmup,
    retryBudget: over.retryBudget ?? base.retryBudget,
    connectionPool: over.connectionPool ?? base.connectionPool,
    outlierDetection: over.outlierDetection ?? base.outlierDetection,
    tls: over.tls ?? base.tls,
    ports: base.ports,
  };
}
