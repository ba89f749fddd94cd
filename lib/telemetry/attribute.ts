import { grpcStatusOf } from "../formatter/grpc_status.ts";
import type { StreamInfo } from "../formatter/stream_info.ts";
import type { Json } from "../protobuf/well_known.ts";
import type { PeerMetadata } from "./peer_metadata.ts";

/** What attributes are read from. */
export interface AttributeSource {
  /** The request. */
  readonly info: StreamInfo;
  /** The other side: the caller (inbound) or the destination (outbound). */
  readonly peer: PeerMetadata | null;
  /** Metadata of our own node. */
  readonly node: Readonly<Record<string, Json>>;
}

/** What an attribute holds; `null` where it is absent. */
export type AttributeValue = string | number | boolean | null;

/** Reads one attribute as the value of a label; `unknown` where it is absent, as Istio's proxy writes it. */
export type Attribute = (source: AttributeSource) => string;

type Read = (info: StreamInfo) => AttributeValue | undefined;

/** Envoy's attributes that are a plain fact of the request. */
const FACTS: Readonly<Record<string, Read>> = {
  "request.method": (info) => info.method,
  "request.path": (info) => info.path,
  "request.url_path": (info) => info.path.split("?", 1)[0],
  "request.query": (info) => info.path.split("?").slice(1).join("?"),
  "request.host": (info) => info.authority,
  "request.scheme": (info) => info.scheme,
  "request.protocol": (info) => info.protocol,
  "request.id": (info) => info.requestHeaders?.get("x-request-id"),
  "request.useragent": (info) => info.requestHeaders?.get("user-agent"),
  "request.referer": (info) => info.requestHeaders?.get("referer"),
  "request.size": (info) => info.requestBodyBytes,
  "request.total_size": (info) => info.requestHeaderBytes + info.requestBodyBytes,
  "response.code": (info) => info.responseCode,
  "response.code_details": (info) => info.responseCodeDetails,
  "response.grpc_status": (info) => grpcStatusOf(info),
  "response.size": (info) => info.responseBodyBytes,
  "response.total_size": (info) => info.responseHeaderBytes + info.responseBodyBytes,
  "source.address": (info) => info.downstreamRemoteAddress,
  "destination.address": (info) => info.downstreamLocalAddress,
  "destination.port": (info) => portOf(info.downstreamLocalAddress),
  "upstream.address": (info) => info.upstreamHost,
  "upstream.local_address": (info) => info.upstreamLocalAddress,
  "upstream.port": (info) => portOf(info.upstreamHost),
  "upstream.uri_san_peer_certificate": (info) => info.upstreamPeerPrincipal,
  "connection.uri_san_peer_certificate": (info) => info.downstreamPeerPrincipal,
  "connection.uri_san_local_certificate": (info) => info.downstreamLocalPrincipal,
  "connection.requested_server_name": (info) => info.requestedServerName,
  "connection.mtls": (info) => info.downstreamPeerPrincipal !== null,
  "connection.tls_version": (info) => info.downstreamTlsVersion,
  "connection.termination_details": (info) => info.connectionTerminationDetails,
  "xds.cluster_name": (info) => info.clusterName,
  "xds.route_name": (info) => info.routeName,
};

/** Fields of `upstream_peer` and `downstream_peer` and where we keep them. */
const PEER_FIELDS: Readonly<Record<string, keyof PeerMetadata>> = {
  workload: "workloadName",
  namespace: "namespace",
  cluster: "clusterId",
  service: "canonicalService",
  revision: "canonicalRevision",
  app: "app",
  version: "version",
};

/**
 * Compiles a CEL expression that is a plain attribute path, an element of a map (`request.headers['x']`,
 * `node.metadata['X']`) or a string, as the value of a label. `null` for any other expression.
 */
export function compileAttribute(expression: string): Attribute | null {
  const text = expression.trim();
  const literal = /^(?:"([^"\\]*)"|'([^'\\]*)')$/.exec(text);
  if (literal !== null) {
    const value = literal[1] ?? literal[2]!;
    return () => value;
  }
  const read = readAttribute(text);
  if (read === null) return null;
  return (source) => {
    const value = read(source);
    return value === null || value === "" ? "unknown" : String(value);
  };
}

/** Compiles an attribute path or an element of a map. `null` for any other expression. */
export function readAttribute(path: string): ((source: AttributeSource) => AttributeValue) | null {
  if (Object.hasOwn(FACTS, path)) {
    const read = FACTS[path]!;
    return ({ info }) => read(info) ?? null;
  }
  const peer = /^(upstream_peer|downstream_peer)\.([a-z]+)$/.exec(path);
  if (peer !== null && Object.hasOwn(PEER_FIELDS, peer[2]!)) {
    const field = PEER_FIELDS[peer[2]!]!;
    const direction = peer[1] === "upstream_peer" ? "outbound" : "inbound";
    return (source) => source.info.direction === direction ? source.peer?.[field] ?? null : null;
  }
  const element =
    /^(request\.headers|response\.headers|response\.trailers|node\.metadata)\[(?:"([^"\\]*)"|'([^'\\]*)')\]$/
      .exec(path);
  if (element === null) return null;
  const key = element[2] ?? element[3]!;
  const header = key.toLowerCase();
  switch (element[1]) {
    case "request.headers":
      return ({ info }) => info.requestHeaders?.get(header) ?? null;
    case "response.headers":
      return ({ info }) => info.responseHeaders?.get(header) ?? null;
    case "response.trailers":
      return ({ info }) => info.responseTrailers?.get(header) ?? null;
    default:
      return ({ node }) => {
        const value = Object.hasOwn(node, key) ? node[key] : null;
        return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
      };
  }
}

function portOf(address: string | null): number | null {
  return address === null ? null : Number(address.slice(address.lastIndexOf(":") + 1));
}
