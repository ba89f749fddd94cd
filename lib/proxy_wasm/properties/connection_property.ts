import { formatAddress, type SocketAddress } from "../../internal/socket_address.ts";
import type { Call } from "../../http/call.ts";
import type { ConnectionInfo } from "../../transport/byte_stream.ts";
import type { PropertyValue } from "../property_value.ts";

/** An attribute of the connection a request came by (`connection.*`); of a call of the application there is none. */
export function connectionProperty(
  info: ConnectionInfo | null,
  terminationDetails: string | null,
  key: string,
): PropertyValue | undefined {
  switch (key) {
    case "mtls":
      return (info?.tls?.peer ?? null) !== null;
    case "requested_server_name":
      return info?.tls?.sni ?? "";
    case "id":
      return info?.id;
    case "termination_details":
      return terminationDetails ?? undefined;
  }
  return info === null ? undefined : tlsProperty(info, key);
}

/** An attribute of the endpoint and the connection to it (`upstream.*`); nothing before one was chosen. */
export function upstreamProperty(call: Call, key: string): PropertyValue | undefined {
  const { endpoint, upstream } = call;
  switch (key) {
    case "address":
      return call.upstreamHost ?? undefined;
    case "port":
      return endpoint?.port;
    case "local_address":
      return call.upstreamLocalAddress ?? undefined;
    case "transport_failure_reason":
      return call.upstreamTransportFailureReason ?? (endpoint === null ? undefined : "");
    case "request_attempt_count":
      return call.attemptCount;
  }
  return upstream === null ? undefined : tlsProperty(upstream, key);
}

/** An end of a connection (`source.*`, `destination.*`). */
export function peerProperty(address: SocketAddress | string | null, key: string): PropertyValue | undefined {
  if (address === null) return undefined;
  const text = typeof address === "string" ? address : formatAddress(address);
  if (key === "address") return text;
  if (key !== "port") return undefined;
  const port = /:([0-9]+)$/.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

function tlsProperty({ tls }: ConnectionInfo, key: string): PropertyValue | undefined {
  if (tls === null) return undefined;
  const { peer } = tls;
  switch (key) {
    case "tls_version":
      return tls.version;
    // Istio's certificates have no subject and one name.
    case "subject_local_certificate":
      return "";
    case "uri_san_local_certificate":
      return tls.localPrincipal ?? undefined;
    case "subject_peer_certificate":
      return peer?.subject ?? "";
    case "uri_san_peer_certificate":
      return peer?.uriSans[0];
    case "dns_san_peer_certificate":
      return peer?.dnsSans[0];
    case "sha256_peer_certificate_digest":
      return peer?.sha256;
  }
  return undefined;
}
