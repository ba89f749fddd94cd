/**
 * Chooses the filter chain of a connection by Envoy's rules (`FilterChainManagerImpl`): destination port, destination
 * IP, server name, transport protocol, application protocols, direct source IP, source type, source IP, source port.
 *
 * At each of these levels the most specific entry wins and the others are out of the race: there is no way back. A
 * chain for port 80 that wants TLS hides one without a port from plaintext connections to port 80.
 *
 * @module
 */
import type { SocketAddress } from "../internal/socket_address.ts";
import { cidrContains } from "../resource/cidr.ts";
import type { CidrRange } from "../resource/common.ts";
import { parseIp } from "../resource/ip_address.ts";
import type { FilterChain, FilterChainMatch, Listener } from "../resource/listener.ts";

/** What is known of a connection when its chain is chosen. */
export interface ConnectionFacts {
  /** Where the connection was meant to go. */
  readonly destination: SocketAddress;
  /** SNI of the ClientHello; empty where there is none. */
  readonly serverName: string;
  /** `tls` or `raw_buffer`. */
  readonly transportProtocol: string;
  /** ALPN of the ClientHello, or what the HTTP inspector saw, in the order of the client's preference. */
  readonly applicationProtocols: readonly string[];
  /** Where the connection comes from. */
  readonly source: SocketAddress;
  /**
   * The immediate peer, where a proxy protocol named another source.
   * @default {source}
   */
  readonly directSource?: SocketAddress;
}

/** The chains of one listener, ready to be chosen from. */
export interface CompiledFilterChains {
  readonly ports: ReadonlyMap<number, DestinationIps>;
  readonly fallback: FilterChain | null;
}

type DestinationIps = IpTable<ServerNames>;
type ServerNames = Map<string, TransportProtocols>;
type TransportProtocols = Map<string, ApplicationProtocols>;
type ApplicationProtocols = Map<string, DirectSourceIps>;
type DirectSourceIps = IpTable<SourceTypes>;
type SourceTypes = Map<FilterChainMatch["sourceType"], SourceIps>;
type SourceIps = IpTable<SourcePorts>;
type SourcePorts = Map<number, FilterChain>;

const ANY_PORT = 0;
const ANY = "";
/** Without a range a chain takes every address of both families. */
const ANY_RANGE: readonly CidrRange[] = [
  { address: new Uint8Array(4), prefixLength: 0, text: "0.0.0.0/0" },
  { address: new Uint8Array(16), prefixLength: 0, text: "::/0" },
];
/** Stands for the address of what has none, as in Envoy. */
const NO_ADDRESS = new Uint8Array([127, 255, 255, 255]);

/** Compiles the chains of a listener, once for all its connections. */
export function compileFilterChains(
  listener: Pick<Listener, "filterChains" | "defaultFilterChain">,
): CompiledFilterChains {
  const ports = new Map<number, DestinationIps>();
  for (const chain of listener.filterChains) {
    const { match } = chain;
    const destinations = entry(ports, match.destinationPort ?? ANY_PORT, () => new IpTable<ServerNames>());
    for (const range of orAnyRange(match.prefixRanges)) addToServerNames(destinations.at(range, newMap), chain);
  }
  return { ports, fallback: listener.defaultFilterChain };
}

function addToServerNames(names: ServerNames, chain: FilterChain): void {
  const { match } = chain;
  for (const name of orAny(match.serverNames)) {
    // `*.example.com` is kept as `.example.com`, which is what is looked up.
    const protocols = entry(names, name.startsWith("*.") ? name.slice(1) : name, newMap<string, ApplicationProtocols>);
    const applications = entry(protocols, match.transportProtocol, newMap<string, DirectSourceIps>);
    for (const protocol of orAny(match.applicationProtocols)) {
      addToSources(entry(applications, protocol, () => new IpTable<SourceTypes>()), chain);
    }
  }
}

function addToSources(directSources: DirectSourceIps, chain: FilterChain): void {
  const { match } = chain;
  for (const direct of orAnyRange(match.directSourcePrefixRanges)) {
    const types = directSources.at(direct, newMap<FilterChainMatch["sourceType"], SourceIps>);
    const sources = entry(types, match.sourceType, () => new IpTable<SourcePorts>());
    for (const range of orAnyRange(match.sourcePrefixRanges)) {
      const ports = sources.at(range, newMap<number, FilterChain>);
      for (const port of match.sourcePorts.length === 0 ? [ANY_PORT] : match.sourcePorts) {
        // Overlapping chains are refused when the listener is read; should one slip through, the first one stays.
        if (!ports.has(port)) ports.set(port, chain);
      }
    }
  }
}

/** The chain for a connection; `null` where none matches: the connection is closed. */
export function selectFilterChain(chains: CompiledFilterChains, facts: ConnectionFacts): FilterChain | null {
  // An entry for the port hides those without a port, even where none of its chains matches.
  const destinations = chains.ports.get(facts.destination.port) ?? chains.ports.get(ANY_PORT);
  const names = destinations?.get(addressBytes(facts.destination.hostname));
  return (names === undefined ? null : matchServerName(names, facts)) ?? chains.fallback;
}

function matchServerName(names: ServerNames, facts: ConnectionFacts): FilterChain | null {
  const serverName = facts.serverName.toLowerCase();
  let protocols = names.get(serverName);
  for (let dot = serverName.indexOf(".", 1); protocols === undefined && dot !== -1;) {
    if (dot === serverName.length - 1) break;
    protocols = names.get(serverName.slice(dot));
    dot = serverName.indexOf(".", dot + 1);
  }
  protocols ??= names.get(ANY);
  const applications = protocols?.get(facts.transportProtocol) ?? protocols?.get(ANY);
  return applications === undefined ? null : matchApplicationProtocol(applications, facts);
}

function matchApplicationProtocol(applications: ApplicationProtocols, facts: ConnectionFacts): FilterChain | null {
  const known = facts.applicationProtocols.find((protocol) => protocol !== ANY && applications.has(protocol));
  const directSources = applications.get(known ?? ANY);
  const types = directSources?.get(addressBytes((facts.directSource ?? facts.source).hostname));
  if (types === undefined) return null;
  const sources = types.get(isLocal(facts) ? "same_ip_or_loopback" : "external") ?? types.get("any");
  const ports = sources?.get(addressBytes(facts.source.hostname));
  return ports?.get(facts.source.port) ?? ports?.get(ANY_PORT) ?? null;
}

/** Envoy's `isSameIpOrLoopback`. */
function isLocal(facts: ConnectionFacts): boolean {
  const source = addressBytes(facts.source.hostname);
  if (source.length === 4 ? source[0] === 127 : source.every((byte, index) => byte === (index === 15 ? 1 : 0))) {
    return true;
  }
  const destination = addressBytes(facts.destination.hostname);
  return source.length === destination.length && source.every((byte, index) => byte === destination[index]);
}

/** The bytes of an address; an IPv4 address that a dual-stack socket reports as IPv6 is the IPv4 address. */
function addressBytes(hostname: string): Uint8Array {
  const bytes = parseIp(hostname);
  if (bytes === null) return NO_ADDRESS;
  const mapped = bytes.length === 16 && bytes.every((byte, index) => index >= 12 || byte === (index >= 10 ? 0xff : 0));
  return mapped ? bytes.subarray(12) : bytes;
}

/** Values by address range; the longest prefix that contains an address wins. */
class IpTable<V> {
  readonly #values: { readonly range: CidrRange; readonly value: V }[] = [];

  /** The value of a range, made where there is none yet. */
  at(range: CidrRange, make: () => V): V {
    const found = this.#values.find((other) => sameRange(other.range, range));
    if (found !== undefined) return found.value;
    const value = make();
    this.#values.push({ range, value });
    // Longest prefix first, so that the first one that contains an address is the right one.
    this.#values.sort((a, b) => b.range.prefixLength - a.range.prefixLength);
    return value;
  }

  /** The value of the longest range that contains the address. */
  get(address: Uint8Array): V | undefined {
    return this.#values.find(({ range }) => cidrContains(range, address))?.value;
  }
}

function sameRange(a: CidrRange, b: CidrRange): boolean {
  return a.prefixLength === b.prefixLength && a.address.length === b.address.length &&
    a.address.every((byte, index) => byte === b.address[index]);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function newMap<K, V>(): Map<K, V> {
  return new Map();
}

function orAny(values: readonly string[]): readonly string[] {
  return values.length === 0 ? [ANY] : values;
}

function orAnyRange(ranges: readonly CidrRange[]): readonly CidrRange[] {
  return ranges.length === 0 ? ANY_RANGE : ranges;
}
