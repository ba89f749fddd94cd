import type { SocketAddress } from "../internal/socket_address.ts";
import type { JsonObject } from "../protobuf/json.ts";

/** `envoy.config.core.v3.Address` of an IP address and port. */
export function addressJson({ hostname, port }: SocketAddress): JsonObject {
  return { socket_address: { address: hostname, ...(port === 0 ? {} : { port_value: port }) } };
}

/** The same of `ip:port` as text, IPv6 in brackets; without a port it is the target of an internal listener. */
export function parseAddress(text: string): JsonObject {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port)) return { envoy_internal_address: { server_listener_name: text } };
  return addressJson({ hostname: text.slice(0, colon).replace(/^\[|\]$/g, ""), port });
}
