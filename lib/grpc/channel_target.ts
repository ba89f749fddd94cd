import type { FetchUrl } from "../http/web/fetch_url.ts";

/** Where a channel leads where its target names no port: calls are cleartext HTTP to the mesh, which encrypts them. */
const DEFAULT_PORT = 80;

/** Schemes of gRPC's naming (`doc/naming.md`) that name a host and port. */
const HOST_SCHEMES = /^(?:dns|ipv4|ipv6):(?:\/\/[^/]*\/)?/;
/** A scheme and not a host with its port. */
const OTHER_SCHEME = /^([a-z][a-z0-9+.-]*):(?![0-9]+$)/i;

/**
 * Reads the target of a channel: `host:port`, `host` (port 80), `[::1]:port`, or one of those behind `dns:`, `dns:///`,
 * `dns://resolver/` (who resolves names is the mesh's business), `ipv4:` or `ipv6:`.
 *
 * @throws {TypeError} For anything else: other schemes, lists of addresses, ports out of range.
 */
export function parseGrpcTarget(target: string): FetchUrl {
  if (typeof target !== "string" || target === "") throw bad(target, "it is empty; give 'host:port'");
  const place = target.replace(HOST_SCHEMES, "");
  const bare = place.split(":").length > 2 && !place.startsWith("[");
  if (!bare) {
    const scheme = OTHER_SCHEME.exec(place);
    if (scheme !== null) throw bad(target, `the mesh has no resolver for '${scheme[1]}:'; give 'host:port'`);
  }
  const parts = bare ? null : /^(\[[^\]]*\]|[^:]*)(?::([0-9]+))?$/.exec(place);
  const host = bare ? `[${place}]` : parts?.[1] ?? "";
  if (!/^(?:\[[0-9a-f:.]+\]|[\p{L}\p{N}._-]+)$/iu.test(host) || !URL.canParse(`http://${host}/`)) {
    throw bad(target, "that is no host; give 'host:port', IPv6 addresses in brackets");
  }
  const port = parts?.[2] === undefined ? DEFAULT_PORT : Number(parts[2]);
  if (port < 1 || port > 65_535) throw bad(target, `port '${port}' is not between 1 and 65535`);
  const { hostname } = new URL(`http://${host}/`);
  const authority = parts?.[2] === undefined ? hostname : `${hostname}:${port}`;
  return { href: `http://${authority}/`, protocol: "http:", hostname, port, authority, path: "/", authorization: null };
}

function bad(target: unknown, why: string): TypeError {
  return new TypeError(`Cannot open a gRPC channel to '${target}': ${why}`);
}
