import { decode } from "../protobuf/registry.ts";
import { WireReader } from "../protobuf/wire_reader.ts";
import type { ParseResult } from "./common.ts";
import { DomainIndex } from "./domain_index.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import { Issues, reasonOf } from "./issues.ts";
import { LazyVirtualHost, type LazyVirtualHostOptions } from "./lazy_virtual_host.ts";
import { parseRouteSettings, parseSurroundings } from "./parse_route.ts";
import type { RouteConfiguration, VirtualHost, VirtualHostsByDomain } from "./route.ts";
import { sameBytes } from "./same_bytes.ts";

const MESSAGE = "envoy.config.route.v3.RouteConfiguration";
/** Field number of `virtual_hosts`. */
const VIRTUAL_HOSTS = 2;

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
  former: RouteConfiguration | null,
  onInvalid: LazyVirtualHostOptions["onInvalid"],
): ParseResult<RouteConfiguration> {
  const issues = new Issues();
  try {
    const { outside, hosts } = split(bytes);
    const message = decode(MESSAGE, outside);
    const options = { around: parseSurroundings(issues, "", message, parsers), onInvalid };
    const lazy = new LazyVirtualHosts(bytes, hosts, outside, options);
    if (former?.hostsByDomain instanceof LazyVirtualHosts) lazy.takeOver(former.hostsByDomain);
    const configuration: RouteConfiguration = {
      ...parseRouteSettings(issues, "", message, parsers),
      hostsByDomain: lazy,
      get virtualHosts() {
        return lazy.all();
      },
    };
    return issues.result(configuration);
  } catch (error) {
    return { ok: false, errors: [`Cannot read ${bytes.length} bytes as '${MESSAGE}': ${reasonOf(error)}`] };
  }
}

/** The virtual hosts of one version: objects for those that were met, bytes for the others. */
class LazyVirtualHosts implements VirtualHostsByDomain {
  readonly #hosts: readonly Uint8Array[];
  /** Everything but the virtual hosts, on the wire: they depend on it. */
  readonly #outside: Uint8Array;
  readonly #options: LazyVirtualHostOptions;
  readonly #index: DomainIndex;
  readonly #met = new Map<number, LazyVirtualHost>();
  #wildcards: VirtualHostsByDomain["wildcards"] | null = null;

  constructor(
    bytes: Uint8Array,
    hosts: readonly Uint8Array[],
    outside: Uint8Array,
    options: LazyVirtualHostOptions,
  ) {
    this.#hosts = hosts;
    this.#outside = outside;
    this.#options = options;
    this.#index = new DomainIndex(bytes, hosts);
  }

  exact(domain: string): VirtualHost | null {
    const host = this.#index.find(domain);
    return host === -1 ? null : this.#host(host);
  }

  get wildcards(): VirtualHostsByDomain["wildcards"] {
    return this.#wildcards ??= this.#index.wildcards.map(({ domain, host }) => ({ domain, host: this.#host(host) }));
  }

  /** Every one of them. */
  all(): readonly VirtualHost[] {
    return this.#hosts.map((_, host) => this.#host(host));
  }

  /** Makes objects of a former version its own where their bytes are the same. */
  takeOver(former: LazyVirtualHosts): void {
    if (!sameBytes(former.#outside, this.#outside)) return;
    for (const known of former.#met.values()) {
      const [domain] = known.domains;
      const host = domain === undefined ? -1 : this.#numberOf(domain);
      if (host !== -1 && known.adopts(this.#hosts[host]!)) this.#met.set(host, known);
    }
  }

  #numberOf(domain: string): number {
    return domain.includes("*")
      ? this.#index.wildcards.find((wildcard) => wildcard.domain === domain)?.host ?? -1
      : this.#index.find(domain);
  }

  #host(number: number): LazyVirtualHost {
    let host = this.#met.get(number);
    if (host === undefined) this.#met.set(number, host = new LazyVirtualHost(this.#hosts[number]!, this.#options));
    return host;
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
