import type { HeaderView, StreamInfo } from "../formatter/stream_info.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import type { Route, VirtualHost } from "../resource/route.ts";
import type { PeerMetadata } from "../telemetry/peer_metadata.ts";
import type { ConnectionInfo } from "../transport/byte_stream.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpProtocol, HttpRequest, HttpResponse } from "./message.ts";

/** Envoy's order of response flags. */
// deno-fmt-ignore
const FLAG_ORDER = [
  "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH",
  "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/** The chosen route with its virtual host, as route choice leaves it on the call. */
export interface ChosenRoute {
  readonly virtualHost: VirtualHost;
  readonly route: Route;
  /** Cluster picked for this request; `null` for redirects and direct responses. */
  readonly clusterName: string | null;
}

/** Facts of a call that are known when it begins. */
export interface CallOptions {
  direction: "inbound" | "outbound";
  startTime: number;
  request: HttpRequest;
  exchange: Exchange;
  /** The connection the request came in on; `null` for calls of the application. */
  downstream: ConnectionInfo | null;
}

/**
 * One request on its way through the data path: what Envoy calls stream info. Layers read and write it; telemetry reads
 * it at the end.
 */
export class Call implements StreamInfo {
  readonly direction: "inbound" | "outbound";
  readonly startTime: number;
  readonly request: HttpRequest;
  /** The downstream exchange: its cancellation is the caller's, its bytes are the caller's. */
  readonly exchange: Exchange;
  readonly downstream: ConnectionInfo | null;
  /** The route, cached before the first filter; `null` until chosen or after {@linkcode Call.clearRouteCache}. */
  chosen: ChosenRoute | null = null;
  cluster: Cluster | null = null;
  endpoint: Endpoint | null = null;
  /** The connection of the last attempt. */
  upstream: ConnectionInfo | null = null;
  /** What the last attempt has spoken; `null` where it had no connection. */
  upstreamProtocol: string | null = null;
  response: HttpResponse | null = null;
  responseTrailers: HeaderView | null = null;
  responseCodeDetails: string | null = null;
  connectionTerminationDetails: string | null = null;
  upstreamTransportFailureReason: string | null = null;
  attemptCount = 0;
  /** Cookies made for this request because hashing wanted one, values by name; `null` for none. */
  madeCookies: Map<string, string> | null = null;
  /** IP address that stands for the application's own where there is no connection it came by; `null` if unknown. */
  sourceIp: string | null = null;
  /** IP address of the caller by what proxies in front have said; `null` where they said nothing. */
  forwardedIp: string | null = null;
  /** Where an outbound call was meant to go, `ip:port` or `name:port`; ORIGINAL_DST clusters go there. */
  requestedAddress: string | null = null;
  durationMs: number | null = null;
  /** Peer metadata of the other side, by the metadata exchange or endpoint metadata. */
  peer: PeerMetadata | null = null;
  /** Status of a gRPC response (`grpc-status`), `null` where there is none. */
  grpcStatus: number | null = null;
  /** gRPC messages of the request and the response so far, counted by the `grpc_stats` filter. */
  grpcRequestMessages = 0;
  grpcResponseMessages = 0;
  /** ALPN list by the protocol spoken upstream, in place of the TLS context's; set by the `istio.alpn` filter. */
  alpnOverride: ReadonlyMap<HttpProtocol, readonly string[]> | null = null;
  /** Whether the request holds secrets of the application, which must not leave but on mutual TLS. */
  requiresMutualTls = false;
  /** The host this request is to go to (`ip:port`), by a session; `strict` fails it where that host cannot be taken. */
  overrideHost: { readonly address: string; readonly strict: boolean } | null = null;
  /** Called by {@linkcode Call.clearRouteCache}; set by the route layer. */
  onClearRouteCache: (() => void) | null = null;
  /** Ends what is under way below the filters; set by whoever works or waits at the moment. */
  onAbandon: ((reason: unknown) => void) | null = null;
  /** Whether the caller speaks gRPC-Web: what the mesh answers by itself is for HTTP then, as from Envoy. */
  grpcWeb = false;
  /** Whether the router says nothing of itself in headers (`suppress_envoy_headers`). */
  suppressEnvoyHeaders = false;
  /** Internal redirects followed so far, and where each route has led with them. */
  internalRedirects = 0;
  internalRedirectTargets: Map<string, Set<string>> | null = null;
  #abandoned = false;
  #controller: AbortController | null = null;
  #flags: string[] = [];
  /** How the last attempt ended, before its response has passed the layers; `undefined` while it has not. */
  #settled: unknown = undefined;
  #delivered = false;
  #dynamicMetadata: Map<string, Readonly<Record<string, unknown>>> | null = null;
  #filterState: Map<string, string> | null = null;

  /** @param options What is known at the beginning. */
  constructor(options: CallOptions) {
    this.direction = options.direction;
    this.startTime = options.startTime;
    this.request = options.request;
    this.exchange = options.exchange;
    this.downstream = options.downstream;
  }

  /** Adds a response flag. */
  addFlag(flag: string): void {
    if (flag !== "-" && !this.#flags.includes(flag)) this.#flags.push(flag);
  }

  /** Whether that flag is set. */
  hasFlag(flag: string): boolean {
    return this.#flags.includes(flag);
  }

  /** Whether an answer was given before what is under way below has ended, which then says nothing about the call. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Ends what is under way below, for the call is answered here (a limit of time has passed). */
  abandon(reason: unknown): void {
    this.#abandoned = true;
    this.onAbandon?.(reason);
  }

  /**
   * An `AbortSignal` for whoever answers the call: it fires when the caller gives up, and when the call is answered in
   * his place. Made on first use, as that of the exchange.
   */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = this.#controller = new AbortController();
      const abort = (reason: unknown) => controller.abort(reason);
      this.onAbandon = abort;
      this.exchange.onCancel(abort);
    }
    return this.#controller.signal;
  }

  /** Forgets the chosen route, so that it is chosen anew from the headers as they are now. */
  clearRouteCache(): void {
    this.chosen = null;
    this.cluster = null;
    this.onClearRouteCache?.();
  }

  /**
   * The last attempt of an application's call is over. The exchange completes with it, but not before the response has
   * passed every layer ({@linkcode Call.deliver}): a small response is all there before any of them has seen it, and
   * what they read from it belongs to the reports of the call.
   */
  settle(error: unknown): void {
    if (this.#delivered) this.exchange.complete(error);
    else this.#settled = error;
  }

  /** The response has passed every layer. */
  deliver(): void {
    this.#delivered = true;
    if (this.#settled !== undefined) this.exchange.complete(this.#settled);
  }

  /** Sets metadata of a namespace, merged key by key. */
  setDynamicMetadata(namespace: string, values: Readonly<Record<string, unknown>>): void {
    this.#dynamicMetadata ??= new Map();
    this.#dynamicMetadata.set(namespace, { ...this.#dynamicMetadata.get(namespace), ...values });
  }

  /** Sets a filter state object in its serialised form. */
  setFilterState(name: string, value: string): void {
    this.#filterState ??= new Map();
    this.#filterState.set(name, value);
  }

  get dynamicMetadata(): ReadonlyMap<string, Readonly<Record<string, unknown>>> | null {
    return this.#dynamicMetadata;
  }

  get filterState(): ReadonlyMap<string, string> | null {
    return this.#filterState;
  }

  get responseFlags(): string {
    const flags = this.#flags;
    if (flags.length === 0) return "-";
    if (flags.length === 1) return flags[0]!;
    return flags.slice().sort((a, b) => FLAG_ORDER.indexOf(a) - FLAG_ORDER.indexOf(b)).join(",");
  }

  get method(): string {
    return this.request.method;
  }

  get path(): string {
    return this.request.path;
  }

  get authority(): string {
    return this.request.authority;
  }

  get scheme(): string {
    return this.request.scheme;
  }

  get protocol(): string {
    return this.request.protocol;
  }

  get requestHeaders(): HeaderView {
    return this.request.headers;
  }

  get responseHeaders(): HeaderView | null {
    return this.response?.headers ?? null;
  }

  get responseCode(): number {
    return this.response?.status ?? 0;
  }

  get requestHeaderBytes(): number {
    return this.exchange.requestHeaderBytes;
  }

  get requestBodyBytes(): number {
    return this.exchange.requestBodyBytes;
  }

  get responseHeaderBytes(): number {
    return this.exchange.responseHeaderBytes;
  }

  get responseBodyBytes(): number {
    return this.exchange.responseBodyBytes;
  }

  get routeName(): string | null {
    return this.chosen?.route.name ?? null;
  }

  get clusterName(): string | null {
    return this.cluster?.name ?? this.chosen?.clusterName ?? null;
  }

  get upstreamHost(): string | null {
    const { endpoint } = this;
    // The key of a logical host is its name; the address is what it stands for now.
    return endpoint === null ? null : formatAddress({ hostname: endpoint.address, port: endpoint.port });
  }

  get upstreamHostName(): string | null {
    return this.endpoint?.hostname || this.upstreamHost;
  }

  get upstreamTls(): NonNullable<ConnectionInfo["tls"]> | null {
    return this.upstream?.tls ?? null;
  }

  get upstreamLocalAddress(): string | null {
    return address(this.upstream?.local);
  }

  get upstreamPeerPrincipal(): string | null {
    return this.upstream?.tls?.peer?.principal ?? null;
  }

  get downstreamLocalAddress(): string | null {
    return address(this.downstream?.local) ?? this.requestedAddress;
  }

  /** IP address that stands for the caller in policies and hashes; `null` if unknown. */
  get remoteIp(): string | null {
    return this.forwardedIp ?? this.downstream?.remote.hostname ?? this.sourceIp;
  }

  get downstreamRemoteAddress(): string | null {
    const { forwardedIp } = this;
    return forwardedIp === null
      ? this.downstreamDirectRemoteAddress
      : formatAddress({ hostname: forwardedIp, port: 0 });
  }

  get downstreamDirectRemoteAddress(): string | null {
    if (this.downstream !== null || this.sourceIp === null) return address(this.downstream?.remote);
    return formatAddress({ hostname: this.sourceIp, port: 0 });
  }

  get downstreamPeerPrincipal(): string | null {
    return this.downstream?.tls?.peer?.principal ?? null;
  }

  get downstreamLocalPrincipal(): string | null {
    return this.downstream?.tls?.localPrincipal ?? null;
  }

  get downstreamTlsCipher(): string | null {
    return this.downstream?.tls?.cipher ?? null;
  }

  get downstreamTlsVersion(): string | null {
    return this.downstream?.tls?.version ?? null;
  }

  get requestedServerName(): string | null {
    return this.downstream?.tls?.sni ?? null;
  }
}

function address(of: SocketAddress | undefined): string | null {
  return of === undefined ? null : formatAddress(of);
}
