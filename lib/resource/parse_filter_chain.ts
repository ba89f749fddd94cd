import type {
  EnvoyConfigListenerV3FilterChain,
  EnvoyConfigListenerV3FilterChainMatch,
} from "../protobuf/gen/messages.ts";
import { parseCidrRanges } from "./cidr.ts";
import type { FilterParsers } from "./filter_parsers.ts";
import type { Issues } from "./issues.ts";
import { xxHash64 } from "../internal/xx_hash64.ts";
import { encode } from "../protobuf/registry.ts";
import type { FilterChain, FilterChainMatch, NetworkFilterConfig } from "./listener.ts";
import { checkNumber, flag, parseEnum, parseNumber, parsePositiveDuration } from "./parse_common.ts";
import { parseNetworkFilters } from "./parse_network_filter.ts";
import { parseDownstreamTransportSocket } from "./parse_transport_socket.ts";

const SOURCE_TYPES = { ANY: "any", SAME_IP_OR_LOOPBACK: "same_ip_or_loopback", EXTERNAL: "external" } as const;

/** Reads a filter chain. One whose transport is unsupported keeps its place, and its only filter refuses. */
export function parseFilterChain(
  issues: Issues,
  path: string,
  chain: EnvoyConfigListenerV3FilterChain,
  parsers: FilterParsers,
): FilterChain {
  const transport = parseDownstreamTransportSocket(issues, `${path}.transport_socket`, chain.transportSocket);
  const proxyProtocol = flag(chain.useProxyProto, false);
  if (proxyProtocol) issues.unsupport(`${path}.use_proxy_proto`, "use_proxy_proto");
  const filters = parseNetworkFilters(issues, `${path}.filters`, chain.filters, parsers);
  const refused = transport.kind === "unsupported" ? transport.what : proxyProtocol ? "use_proxy_proto" : null;
  const refuse: NetworkFilterConfig = { kind: "unsupported", name: refused ?? "", typeUrl: refused ?? "" };
  return {
    name: chain.name ?? "",
    match: parseFilterChainMatch(issues, `${path}.filter_chain_match`, chain.filterChainMatch ?? {}),
    tls: transport.kind === "tls" ? transport.context : null,
    filters: refused === null ? filters : [refuse],
    transportSocketConnectTimeoutMs: parsePositiveDuration(
      issues,
      `${path}.transport_socket_connect_timeout`,
      chain.transportSocketConnectTimeout,
      null,
    ),
    fingerprint: fingerprintOf(chain),
  };
}

/** A hash of the whole message: one byte another is another fingerprint. */
function fingerprintOf(chain: EnvoyConfigListenerV3FilterChain): string {
  const bytes = encode("envoy.config.listener.v3.FilterChain", chain);
  const { hi, lo } = xxHash64(new TextDecoder("latin1").decode(bytes));
  return `${hi.toString(16)}-${lo.toString(16)}`;
}

function parseFilterChainMatch(
  issues: Issues,
  path: string,
  match: EnvoyConfigListenerV3FilterChainMatch,
): FilterChainMatch {
  // Envoy has these fields, implements neither, and refuses both.
  if (match.addressSuffix) issues.invalid(`${path}.address_suffix`, "it is not implemented", match.addressSuffix);
  if (match.suffixLen !== undefined) issues.invalid(`${path}.suffix_len`, "it is not implemented");
  return {
    destinationPort: match.destinationPort === undefined
      ? null
      : parseNumber(issues, `${path}.destination_port`, match.destinationPort, 0, { min: 1, max: 65_535 }),
    prefixRanges: parseCidrRanges(issues, `${path}.prefix_ranges`, match.prefixRanges),
    serverNames: (match.serverNames ?? []).map((name, index) => {
      // Envoy: only whole labels, only in front.
      if (name === "" || name.includes("*") && !/^\*\.[^*]+$/.test(name)) {
        issues.invalid(`${path}.server_names[${index}]`, "it must be a name, or '*.' and a name", name);
      }
      return name.toLowerCase();
    }),
    transportProtocol: match.transportProtocol ?? "",
    applicationProtocols: match.applicationProtocols ?? [],
    directSourcePrefixRanges: parseCidrRanges(
      issues,
      `${path}.direct_source_prefix_ranges`,
      match.directSourcePrefixRanges,
    ),
    sourceType: parseEnum(issues, `${path}.source_type`, match.sourceType, SOURCE_TYPES, "any"),
    sourcePrefixRanges: parseCidrRanges(issues, `${path}.source_prefix_ranges`, match.sourcePrefixRanges),
    sourcePorts: (match.sourcePorts ?? [])
      .map((port, index) => checkNumber(issues, `${path}.source_ports[${index}]`, port, { min: 1, max: 65_535 })),
  };
}

/** More combinations than this are not compared: the check is for mistakes, not for enumeration. */
const MAX_COMBINATIONS = 100_000;

/** Envoy refuses two chains that match the same connections: which one answers would be a matter of luck. */
export function checkOverlap(issues: Issues, chains: readonly FilterChain[]): void {
  const owners = new Map<string, number>();
  for (const [index, chain] of chains.entries()) {
    for (const key of combinations(chain.match, MAX_COMBINATIONS - owners.size)) {
      const owner = owners.get(key);
      if (owner === undefined) {
        owners.set(key, index);
        continue;
      }
      const path = `filter_chains[${index}].filter_chain_match`;
      issues.invalid(path, `filter chain '${chains[owner]!.name}' matches the same`, key);
      break;
    }
  }
}

function combinations(match: FilterChainMatch, limit: number): string[] {
  let keys = [`${match.destinationPort ?? 0}`];
  const dimensions: (readonly (string | number)[])[] = [
    match.prefixRanges.map((range) => `${range.address}/${range.prefixLength}`),
    match.serverNames,
    [match.transportProtocol],
    match.applicationProtocols,
    match.directSourcePrefixRanges.map((range) => `${range.address}/${range.prefixLength}`),
    [match.sourceType],
    match.sourcePrefixRanges.map((range) => `${range.address}/${range.prefixLength}`),
    match.sourcePorts,
  ];
  for (const values of dimensions) {
    const distinct = values.length === 0 ? [""] : [...new Set(values)];
    if (keys.length * distinct.length > limit) return [];
    keys = keys.flatMap((key) => distinct.map((value) => `${key} ${value}`));
  }
  return keys;
}
