import type { Fields } from "../fields.ts";
import { type ClientTls, parseClientTls } from "./client_tls.ts";
import { type ConnectionPool, parseConnectionPool } from "./connection_pool.ts";
import { type LoadBalancer, parseLoadBalancer } from "./load_balancer.ts";
import { type OutlierDetection, parseOutlierDetection } from "./outlier_detection.ts";

/** How many retries may run, as a share of the requests under way. */
export interface RetryBudget {
  readonly percent: number;
  readonly minRetryConcurrency: number;
}

/** Connections of `tcp` and `tls` routes through a proxy of the user's. */
export interface Tunnel {
  readonly protocol: "CONNECT" | "POST";
  readonly targetHost: string;
  readonly targetPort: number;
}

/** The policy of a host, a subset or a port. */
export interface TrafficPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly tunnel: Tunnel | undefined;
  /** Version of the PROXY protocol. */
  readonly proxyProtocol: "V1" | "V2" | undefined;
  /** Replaces the whole policy for a port: nothing is inherited. */
  readonly ports: ReadonlyMap<number, TrafficPolicy>;
}

const NONE: TrafficPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
  retryBudget: undefined,
  tunnel: undefined,
  proxyProtocol: undefined,
  ports: new Map(),
};

/** Reads `trafficPolicy`, `undefined` where absent. */
export function parseTrafficPolicy(fields: Fields | undefined): TrafficPolicy | undefined {
  if (fields === undefined) return undefined;
  fields.only(...SHARED, "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget");
  const ports = new Map<number, TrafficPolicy>();
  for (const level of fields.list("portLevelSettings")) {
    level.only("port", ...SHARED);
    const reference = level.object("port");
    reference?.only("number");
    const port = reference?.port("number");
    if (port === undefined) throw level.error("port.number", "is required");
    if (!ports.has(port)) ports.set(port, { ...NONE, ...parseShared(level) });
  }
  const proxyProtocol = fields.object("proxyProtocol");
  proxyProtocol?.only("version");
  return {
    ...parseShared(fields),
    retryBudget: parseBudget(fields.object("retryBudget")),
    tunnel: parseTunnel(fields.object("tunnel")),
    proxyProtocol: proxyProtocol && (proxyProtocol.oneOf("version", ["V1", "V2"]) ?? "V1"),
    ports,
  };
}

const SHARED = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;

function parseShared(fields: Fields): Pick<TrafficPolicy, (typeof SHARED)[number]> {
  return {
    loadBalancer: parseLoadBalancer(fields.object("loadBalancer")),
    connectionPool: parseConnectionPool(fields.object("connectionPool")),
    outlierDetection: parseOutlierDetection(fields.object("outlierDetection")),
    tls: parseClientTls(fields.object("tls")),
  };
}

function parseBudget(fields: Fields | undefined): RetryBudget | undefined {
  if (fields === undefined) return undefined;
  fields.only("percent", "minRetryConcurrency");
  return {
    percent: fields.number("percent", 0, 100) ?? 20,
    minRetryConcurrency: fields.number("minRetryConcurrency") || 3,
  };
}

function parseTunnel(fields: Fields | undefined): Tunnel | undefined {
  if (fields === undefined) return undefined;
  fields.only("protocol", "targetHost", "targetPort");
  const targetPort = fields.port("targetPort");
  if (targetPort === undefined) throw fields.error("targetPort", "is required");
  return {
    protocol: fields.oneOf("protocol", ["CONNECT", "POST"]) ?? "CONNECT",
    targetHost: fields.requiredString("targetHost"),
    targetPort,
  };
}

/**
 * The policy of one port, merged as istiod merges: what the port's level says replaces load balancer, pool, outlier
 * detection and TLS as a whole; what a subset says goes before what the host says, part by part.
 */
export function mergePolicies(
  host: TrafficPolicy | undefined,
  subset: TrafficPolicy | undefined,
  port: number,
): TrafficPolicy {
  const base = host?.ports.get(port) ?? host ?? NONE;
  if (subset === undefined) return base;
  const level = subset.ports.get(port);
  const over = level ?? subset;
  if (host === undefined) return over;
  return {
    loadBalancer: level === undefined ? over.loadBalancer ?? base.loadBalancer : level.loadBalancer,
    connectionPool: level === undefined ? over.connectionPool ?? base.connectionPool : level.connectionPool,
    outlierDetection: level === undefined ? over.outlierDetection ?? base.outlierDetection : level.outlierDetection,
    tls: level === undefined ? over.tls ?? base.tls : level.tls,
    retryBudget: over.retryBudget ?? base.retryBudget,
    tunnel: over.tunnel ?? base.tunnel,
    proxyProtocol: over.proxyProtocol ?? base.proxyProtocol,
    ports: NONE.ports,
  };
}
