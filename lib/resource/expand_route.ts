import { decode } from "../protobuf/registry.ts";
import { WireReader } from "../protobuf/wire_reader.ts";
import type { ParseResult } from "./common.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import { Issues, reasonOf } from "./issues.ts";
import { LazyVirtualHost, type LazyVirtualHostOptions } from "./lazy_virtual_host.ts";
import { parseRouteConfiguration, parseSurroundings } from "./parse_route.ts";
import type { RouteConfiguration } from "./route.ts";
import { sameBytes } from "./same_bytes.ts";

const MESSAGE = "envoy.config.route.v3.RouteConfiguration";
/** Field number of `virtual_hosts`. */
const VIRTUAL_HOSTS = 2;

/** A route configuration of lazy virtual hosts, with what a later version needs to share them. */
export interface ExpandedRoute extends RouteConfiguration {
  /** Everything but the virtual hosts, on the wire: they depend on it. */
  readonly outside: Uint8Array;
  readonly virtualHosts: readonly LazyVirtualHost[];
}

/**
 * Reads `envoy.config.route.v3.RouteConfiguration` without its virtual hosts, which are read when they are met. Those
 * that are the same as in the former version stay the same objects: istiod sends thousands again for each one changed.
 *
 * @param bytes The configuration; kept.
 * @param parsers What is known of filters.
 * @param former The version before; its virtual hosts pass to this one.
 * @param onInvalid Told where a virtual host turns out to be invalid at its first use.
 */
export function expandRoute(
  bytes: Uint8Array,
  parsers: FilterParsers,
  former: ExpandedRoute | null,
  onInvalid: LazyVirtualHostOptions["onInvalid"],
): ParseResult<ExpandedRoute> {
  const issues = new Issues();
  try {
    const { outside, hosts } = split(bytes);
    const message = decode(MESSAGE, outside);
    // What is wrong in it is reported by the whole, below.
    const options = { around: parseSurroundings(new Issues(), "", message, parsers), onInvalid };
    const known = new Map<string, LazyVirtualHost>();
    if (former !== null && sameBytes(former.outside, outside)) {
      for (const host of former.virtualHosts) known.set(host.name, host);
    }
    const virtualHosts = hosts.map((host) => {
      const fresh = new LazyVirtualHost(host, options);
      const same = known.get(fresh.name);
      return same !== undefined && same.adopts(host) ? same : fresh;
    });
    return issues.result({ ...parseRouteConfiguration(issues, "", message, parsers), outside, virtualHosts });
  } catch (error) {
    return { ok: false, errors: [`Cannot read ${bytes.length} bytes as '${MESSAGE}': ${reasonOf(error)}`] };
  }
}

/** The virtual hosts, and what is left without them: fields of a message may stand in any order. */
function split(bytes: Uint8Array): { outside: Uint8Array; hosts: Uint8Array[] } {
  const hosts: Uint8Array[] = [];
  const pieces: Uint8Array[] = [];
  const reader = new WireReader(bytes);
  for (let start = 0; reader.next(); start = reader.position) {
    if (reader.field === VIRTUAL_HOSTS && reader.wireType === 2) hosts.push(reader.bytes());
    else pieces.push(bytes.subarray(start, reader.position));
  }
  const outside = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    outside.set(piece, at);
    at += piece.length;
  }
  return { outside, hosts };
}
