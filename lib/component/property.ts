import type { Call } from "../http/call.ts";
import type { Value } from "./filter_world.ts";

const text = (value: string | null | undefined): Value | undefined =>
  value === null || value === undefined ? undefined : { tag: "text", val: value };
const number = (value: number | null | undefined): Value | undefined =>
  value === null || value === undefined ? undefined : { tag: "number", val: BigInt(Math.round(value)) };
const truth = (val: boolean): Value => ({ tag: "truth", val });

/** Named as Envoy's attributes (its documentation, "Attributes" in the advanced part of the architecture overview). */
const PROPERTIES: ReadonlyMap<string, (call: Call) => Value | undefined> = new Map(Object.entries(
  {
    "request.path": ({ request }) => text(request.path),
    "request.url_path": ({ request }) => text(request.path.split("?", 1)[0]),
    "request.query": ({ request }) => text(request.path.includes("?") ? request.path.replace(/^[^?]*\?/, "") : ""),
    "request.host": ({ request }) => text(request.authority),
    "request.scheme": ({ request }) => text(request.scheme),
    "request.method": ({ request }) => text(request.method),
    "request.protocol": ({ request }) => text(request.protocol),
    "request.referer": ({ request }) => text(request.headers.get("referer")),
    "request.useragent": ({ request }) => text(request.headers.get("user-agent")),
    "request.id": ({ request }) => text(request.headers.get("x-request-id")),
    /** Milliseconds since the Unix epoch. */
    "request.time": (call) => number(call.startTime),
    "request.size": (call) => number(call.requestBodyBytes),
    "response.code": ({ response }) => number(response?.status),
    "response.code_details": (call) => text(call.responseCodeDetails),
    "response.flags": (call) => text(call.responseFlags),
    "response.grpc_status": (call) => number(call.grpcStatus),
    "response.size": (call) => number(call.responseBodyBytes),
    "source.address": (call) => text(call.downstreamRemoteAddress),
    "source.port": (call) => number(call.downstream?.remote.port),
    "destination.address": (call) => text(call.downstreamLocalAddress),
    "destination.port": (call) => number(call.downstream?.local.port),
    "connection.id": (call) => number(call.downstream?.id),
    "connection.mtls": (call) => truth(call.downstreamPeerPrincipal !== null),
    "connection.requested_server_name": (call) => text(call.requestedServerName),
    "connection.tls_version": (call) => text(call.downstreamTlsVersion),
    "connection.uri_san_peer_certificate": (call) => text(call.downstreamPeerPrincipal),
    "connection.uri_san_local_certificate": (call) => text(call.downstreamLocalPrincipal),
    "connection.sha256_peer_certificate_digest": (call) => text(call.downstream?.tls?.peer?.sha256),
    "upstream.address": (call) => text(call.upstreamHost),
    "upstream.local_address": (call) => text(call.upstreamLocalAddress),
    "upstream.uri_san_peer_certificate": (call) => text(call.upstreamPeerPrincipal),
    "upstream.transport_failure_reason": (call) => text(call.upstreamTransportFailureReason),
    "upstream.request_attempt_count": (call) => number(call.attemptCount),
    "xds.cluster_name": (call) => text(call.clusterName),
    "xds.route_name": (call) => text(call.routeName),
    "xds.virtual_host_name": (call) => text(call.chosen?.virtualHost.name),
    "xds.listener_direction": ({ direction }) => number(direction === "inbound" ? 1 : 2),
  } satisfies Record<string, (call: Call) => Value | undefined>,
));

/** A fact about a call by Envoy's name of the attribute; `undefined` for what is unknown. */
export function property(call: Call, name: string): Value | undefined {
  return PROPERTIES.get(name)?.(call);
}
