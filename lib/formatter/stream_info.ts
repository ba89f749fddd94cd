/** What can be read of a header list without knowing what it is. */
export interface HeaderView {
  /** First value of that lower-case name. */
  get(name: string): string | undefined;
}

/**
 * What a substitution format, an access log and a metric can read of one request: Envoy's stream info. Defined low and
 * implemented by `http/call.ts`, so that `formatter` and `telemetry` know nothing of codecs and resources.
 */
export interface StreamInfo {
  readonly direction: "inbound" | "outbound";
  /** Milliseconds since the epoch at which the first byte of the request was seen. */
  readonly startTime: number;
  /** Milliseconds from start to completion, `null` while under way. */
  readonly durationMs: number | null;
  readonly method: string;
  /** Path and query after rewrites; `x-envoy-original-path` keeps the former one. */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** `HTTP/1.1`, `HTTP/2`; `null` for TCP. */
  readonly protocol: string | null;
  readonly requestHeaders: HeaderView | null;
  readonly responseHeaders: HeaderView | null;
  readonly responseTrailers: HeaderView | null;
  /** 0 where no response was sent. */
  readonly responseCode: number;
  /** Envoy's `%RESPONSE_CODE_DETAILS%`, for example `via_upstream`. */
  readonly responseCodeDetails: string | null;
  readonly connectionTerminationDetails: string | null;
  /** Envoy's short flags in Envoy's order, joined by `,`; `-` for none. */
  readonly responseFlags: string;
  readonly requestHeaderBytes: number;
  readonly requestBodyBytes: number;
  readonly responseHeaderBytes: number;
  readonly responseBodyBytes: number;
  readonly routeName: string | null;
  /** Name of the chosen cluster, for example `outbound|80||reviews.default.svc.cluster.local`. */
  readonly clusterName: string | null;
  /** `ip:port` of the chosen endpoint. */
  readonly upstreamHost: string | null;
  /** Host name of the chosen endpoint, its `ip:port` where it has none. */
  readonly upstreamHostName: string | null;
  /** What was spoken to the endpoint, for example `HTTP/2`. */
  readonly upstreamProtocol: string | null;
  readonly upstreamTls: { readonly version: string; readonly cipher: string } | null;
  readonly upstreamLocalAddress: string | null;
  readonly upstreamTransportFailureReason: string | null;
  readonly upstreamPeerPrincipal: string | null;
  readonly attemptCount: number;
  /** `ip:port` as the peer addressed us (inbound) or the destination the application asked for (outbound). */
  readonly downstreamLocalAddress: string | null;
  /** `ip:port` of the caller: by `x-forwarded-for` where that names one (its port is then 0), else of the connection. */
  readonly downstreamRemoteAddress: string | null;
  /** `ip:port` of whoever opened the connection. */
  readonly downstreamDirectRemoteAddress: string | null;
  readonly downstreamPeerPrincipal: string | null;
  readonly downstreamLocalPrincipal: string | null;
  readonly downstreamTlsVersion: string | null;
  readonly downstreamTlsCipher: string | null;
  readonly requestedServerName: string | null;
  /** Metadata set by filters, `namespace -> key -> value`; `null` where none was set. */
  readonly dynamicMetadata: ReadonlyMap<string, Readonly<Record<string, unknown>>> | null;
  /** Filter state objects by name; `null` where none was set. */
  readonly filterState: ReadonlyMap<string, string> | null;
}
