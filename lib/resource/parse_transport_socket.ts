import type { EnvoyConfigCoreV3TransportSocket, GoogleProtobufAny } from "../protobuf/gen/messages.ts";
import { messageName, unpackAny } from "../protobuf/registry.ts";
import type { HttpProtocolOptions, TransportSocket } from "./cluster.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseEnum } from "./parse_common.ts";
import { parseDownstreamTlsContext, parseUpstreamTlsContext } from "./parse_tls_context.ts";

const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const PROXY_PROTOCOL = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
const DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

const PROXY_VERSIONS = { V1: 1, V2: 2 } as const;

/**
 * The transport towards endpoints; no transport socket at all is plaintext, as in Envoy. A PROXY protocol socket is the
 * transport inside of it with a header in front; TLVs are passed on from a PROXY header of the caller, and callers of
 * this library have none.
 */
export function parseUpstreamTransportSocket(
  issues: Issues,
  path: string,
  socket: EnvoyConfigCoreV3TransportSocket | undefined,
  http: Pick<HttpProtocolOptions, "autoSni" | "autoSanValidation">,
): TransportSocket {
  const any = socket?.typedConfig;
  if (any !== undefined && messageName(any.typeUrl ?? "") === PROXY_PROTOCOL) {
    return parseProxyProtocol(issues, `${path}.typed_config`, any, http);
  }
  const parsed = parseSocket(issues, path, socket, UPSTREAM_TLS);
  if (parsed.kind !== "tls") return parsed;
  const { autoSni, autoSanValidation } = http;
  return { kind: "tls", context: { ...parsed.context, autoSni, autoSanValidation } };
}

function parseProxyProtocol(
  issues: Issues,
  path: string,
  any: GoogleProtobufAny,
  http: Pick<HttpProtocolOptions, "autoSni" | "autoSanValidation">,
): TransportSocket {
  try {
    const { config, transportSocket } = unpackAny(PROXY_PROTOCOL, any);
    const proxyProtocol = parseEnum(issues, `${path}.config.version`, config?.version, PROXY_VERSIONS, 1);
    if (transportSocket === undefined) issues.invalid(`${path}.transport_socket`, "it must hold the transport inside");
    const inner = parseUpstreamTransportSocket(issues, `${path}.transport_socket`, transportSocket, http);
    if (inner.proxyProtocol !== undefined) issues.invalid(`${path}.transport_socket`, "one header in front is enough");
    return inner.kind === "unsupported" ? inner : { ...inner, proxyProtocol };
  } catch (error) {
    issues.invalid(path, `it cannot be read as '${PROXY_PROTOCOL}' (${reasonOf(error)})`);
    return { kind: "unsupported", what: PROXY_PROTOCOL };
  }
}

/** The transport of a filter chain. */
export function parseDownstreamTransportSocket(
  issues: Issues,
  path: string,
  socket: EnvoyConfigCoreV3TransportSocket | undefined,
): TransportSocket {
  return parseSocket(issues, path, socket, DOWNSTREAM_TLS);
}

function parseSocket(
  issues: Issues,
  path: string,
  socket: EnvoyConfigCoreV3TransportSocket | undefined,
  tlsName: typeof UPSTREAM_TLS | typeof DOWNSTREAM_TLS,
): TransportSocket {
  if (socket === undefined) return { kind: "plaintext" };
  const any = socket.typedConfig;
  const name = messageName(any?.typeUrl ?? "");
  // Istio names some raw buffers without a configuration.
  if (name === RAW_BUFFER || name === "" && socket.name === "envoy.transport_sockets.raw_buffer") {
    return { kind: "plaintext" };
  }
  const what = name === "" ? socket.name ?? "" : name;
  if (any === undefined || name !== tlsName) {
    issues.unsupport(path, what);
    return { kind: "unsupported", what };
  }
  try {
    const configPath = `${path}.typed_config`;
    const context = tlsName === UPSTREAM_TLS
      ? parseUpstreamTlsContext(issues, configPath, unpackAny(UPSTREAM_TLS, any))
      : parseDownstreamTlsContext(issues, configPath, unpackAny(DOWNSTREAM_TLS, any));
    return context === null ? { kind: "unsupported", what } : { kind: "tls", context };
  } catch (error) {
    issues.invalid(`${path}.typed_config`, `it cannot be read as '${name}' (${reasonOf(error)})`);
    return { kind: "unsupported", what };
  }
}
