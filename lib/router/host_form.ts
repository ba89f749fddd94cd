import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";

/** Settings of a connection manager that say what of an authority is stripped. */
export type HostFormSettings = Pick<
  HttpConnectionManager,
  "stripTrailingHostDot" | "stripAnyHostPort" | "stripMatchingHostPort"
>;

/**
 * Brings an authority into the form that routes see.
 *
 * @param authority Host and port of the request.
 * @param local `ip:port` the connection came to; `null` where it is not known.
 */
export type HostForm = (authority: string, local: string | null) => string;

/**
 * Compiles the form of authorities; `null` where they stay as they are. The dot goes before the port is looked at.
 *
 * @see Envoy `HttpConnectionManager.strip_trailing_host_dot`, `strip_any_host_port`, `strip_matching_host_port`.
 */
export function compileHostForm(settings: HostFormSettings): HostForm | null {
  const { stripTrailingHostDot, stripAnyHostPort, stripMatchingHostPort } = settings;
  if (!stripTrailingHostDot && !stripAnyHostPort && !stripMatchingHostPort) return null;
  return (authority, local) => {
    const host = stripTrailingHostDot ? authority.replace(/\.(?=$|:[^.\]]*$)/, "") : authority;
    const port = stripAnyHostPort || stripMatchingHostPort ? /:(\d+)$/.exec(host) : null;
    if (port === null || (!stripAnyHostPort && Number(port[1]) !== portOf(local))) return host;
    return host.slice(0, port.index);
  };
}

function portOf(address: string | null): number {
  return address === null ? -1 : Number(address.slice(address.lastIndexOf(":") + 1));
}
