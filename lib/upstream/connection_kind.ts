import type { HttpRequest } from "../http/message.ts";
import type { Cluster, TransportSocket } from "../resource/cluster.ts";

/**
 * The version spoken on a connection; `auto` is decided by ALPN. `upgrade` is HTTP/1.1 that becomes another protocol: only
 * HTTP/1.1 can, whatever cluster and peer prefer.
 */
export type UpstreamProtocol = "http1" | "http2" | "auto" | "upgrade";

/** What tells the connections of one pool from those of another. */
export interface ConnectionKind {
  readonly protocol: UpstreamProtocol;
  readonly alpn: readonly string[] | null;
  /** Host of the request, where SNI or the expected name come from it; else empty. */
  readonly hostname: string;
  readonly applicationTls: string | null;
  /** Where the caller wanted to go, `ip:port`, where a PROXY header says so; else empty. */
  readonly proxied: string;
  /** Whether it counts against the circuit breakers of priority HIGH. */
  readonly highPriority: boolean;
}

/** Whether a kind is the one with these parts, which need not be put together for it. */
export function isKind(
  kind: ConnectionKind,
  protocol: UpstreamProtocol,
  alpn: readonly string[] | null,
  hostname: string,
  applicationTls: string | null,
  proxied: string,
  highPriority: boolean,
): boolean {
  return kind.protocol === protocol && kind.alpn === alpn && kind.hostname === hostname &&
    kind.applicationTls === applicationTls && kind.proxied === proxied && kind.highPriority === highPriority;
}

/** The kind as text, for maps. */
export function kindKey({ protocol, alpn, hostname, applicationTls, proxied, highPriority }: ConnectionKind): string {
  const list = alpn === null ? "" : alpn.join();
  return `${protocol} ${list} ${hostname} ${applicationTls ?? ""} ${proxied} ${highPriority}`;
}

/** The version a request is sent in to a cluster. */
export function protocolOf(cluster: Cluster, request: HttpRequest): UpstreamProtocol {
  if (request.upgrade !== undefined) return "upgrade";
  const { protocol } = cluster.http;
  return protocol === "downstream" ? (request.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
}

/** Whether connections for different host names must not be shared. */
export function usesHostname({ http }: Cluster, transport: TransportSocket): boolean {
  return transport.kind === "tls" &&
    (http.autoSni || http.autoSanValidation || transport.context.autoSni || transport.context.autoSanValidation);
}

/**
 * Whether a connection may turn out to be the carrier: on the mesh's own mutual TLS only, where the peer is a workload
 * (its ALPN list names `istio`), and not for what HTTP/2 does not carry.
 */
export function mayBeCarried(transport: TransportSocket, { protocol, alpn, applicationTls }: ConnectionKind): boolean {
  return (protocol === "http1" || protocol === "http2") && applicationTls === null && alpn !== null &&
    alpn.includes("istio") &&
    transport.kind === "tls" && transport.context.certificates.length > 0;
}
