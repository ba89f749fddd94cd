import type { SocketAddress } from "../internal/socket_address.ts";
import type { AccessLogConfig, CidrRange, Unsupported } from "./common.ts";
import type { FilterDiscovery } from "./filter_discovery.ts";
import type { HttpConnectionManager } from "./http_connection_manager.ts";
import type { TlsContext } from "./tls_context.ts";

/** What must hold of a connection for a filter chain to be chosen; empty lists and `null` match everything. */
export interface FilterChainMatch {
  readonly destinationPort: number | null;
  readonly prefixRanges: readonly CidrRange[];
  /** Lower case; `*.suffix` allowed. */
  readonly serverNames: readonly string[];
  /** `tls`, `raw_buffer` or empty. */
  readonly transportProtocol: string;
  readonly applicationProtocols: readonly string[];
  readonly directSourcePrefixRanges: readonly CidrRange[];
  readonly sourceType: "any" | "same_ip_or_loopback" | "external";
  readonly sourcePrefixRanges: readonly CidrRange[];
  readonly sourcePorts: readonly number[];
}

/** `envoy.filters.network.tcp_proxy`. */
export interface TcpProxy {
  readonly statPrefix: string;
  /** Total of `weight` is above 0; a single cluster has weight 1. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** `null` disables it. */
  readonly idleTimeoutMs: number | null;
  readonly maxConnectAttempts: number;
  readonly accessLogs: readonly AccessLogConfig[];
  readonly hashSourceIp: boolean;
  /** `hostname` of `tunneling_config`, `null` for none. */
  readonly tunnelingHostname: string | null;
}

/** One network filter of a chain. `plan` is what the injected parser of that type made of its configuration. */
export type NetworkFilterConfig =
  | { readonly kind: "http_connection_manager"; readonly name: string; readonly config: HttpConnectionManager }
  | { readonly kind: "tcp_proxy"; readonly name: string; readonly config: TcpProxy }
  | { readonly kind: "filter"; readonly name: string; readonly typeUrl: string; readonly plan: object }
  /** Its configuration arrives by itself, under its name. */
  | { readonly kind: "discovered"; readonly name: string; readonly discovery: FilterDiscovery }
  /** Not supported: the chain refuses connections (fail closed). */
  | { readonly kind: "unsupported"; readonly name: string; readonly typeUrl: string };

/** A filter chain: which connections, which TLS, which filters. */
export interface FilterChain {
  readonly name: string;
  readonly match: FilterChainMatch;
  /** `null` is plaintext. */
  readonly tls: TlsContext | null;
  readonly filters: readonly NetworkFilterConfig[];
  /** `transport_socket_connect_timeout`: limit of the TLS handshake; `null` for none. */
  readonly transportSocketConnectTimeoutMs: number | null;
  /** Equal for chains of equal configuration: connections of a chain that stays are left alone. */
  readonly fingerprint: string;
}

/** `envoy.config.listener.v3.Listener`. */
export interface Listener {
  readonly name: string;
  readonly direction: "inbound" | "outbound" | "unspecified";
  /** `null` for internal listeners. */
  readonly address: SocketAddress | null;
  /** Further addresses of the same listener (dual stack). */
  readonly additionalAddresses: readonly SocketAddress[];
  readonly bindToPort: boolean;
  readonly useOriginalDst: boolean;
  readonly filterChains: readonly FilterChain[];
  readonly defaultFilterChain: FilterChain | null;
  /** Whether `tls_inspector` (`http_inspector`) runs, and for which destination ports it does not. */
  readonly tlsInspector: ListenerFilter | null;
  readonly httpInspector: ListenerFilter | null;
  /** `listener_filters_timeout`; 0 disables it (no decision by timeout). Envoy's default is 15 s. */
  readonly listenerFiltersTimeoutMs: number;
  readonly continueOnListenerFiltersTimeout: boolean;
  readonly accessLogs: readonly AccessLogConfig[];
  readonly unsupported: readonly Unsupported[];
}

/** A listener filter; `disabledPorts` are destination ports on which `filter_disabled` switches it off. */
export interface ListenerFilter {
  readonly disabledPorts: readonly number[];
}
